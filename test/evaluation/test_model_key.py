# SPDX-License-Identifier: Apache-2.0
"""The API key is in no file and no line that a run writes, whatever the server says about it."""

from __future__ import annotations

from pathlib import Path
import subprocess
import sys

from evaluation_fixtures import command, environment, write_scene
import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / 'planners'))
from fault_server import FaultServer

KEY = 'sk-very-secret-0123456789'


def everything_in(folder: Path) -> bytes:
    return b'\n'.join(path.read_bytes() for path in folder.rglob('*') if path.is_file())


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    write_scene(tmp_path / 'hos', 'room', [
        {'task': 'Find the lamp', 'yaw': [90.0, 120.0], 'pitch': [-5.0, 15.0]}])
    return tmp_path / 'hos'


def evaluate(scenes: Path, out: Path, spec: str, *words: str) -> subprocess.CompletedProcess:
    # the SDK would print what it sends: the variable is the worst a user may have set
    return subprocess.run(
        command('eval', scenes, '--view', '64x36', '--planner', spec, '--out', out,
                '--give-up-after', 0.5, *words),
        env={**environment(), 'OPENAI_API_KEY': KEY, 'OPENAI_LOG': 'info'},
        capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize('fault', ['', '500', 'context overflow'])
def test_the_key_is_nowhere_in_a_run(tmp_path: Path, scenes: Path, fault: str) -> None:
    """The server repeats the key in its errors, and in the reply of a model that is well."""
    server = FaultServer()
    server.begin(fault)
    server.reply_of = lambda request: f'<think>{KEY}</think><answer>submit(1,1)</answer>'
    out = tmp_path / 'run'
    try:
        done = evaluate(scenes, out, server.spec)
    finally:
        server.stop()
    assert any(KEY.encode() in head for head in server.headers), 'it was really used'
    assert KEY not in done.stdout + done.stderr
    assert (out / 'episodes.jsonl').stat().st_size > 0
    assert KEY.encode() not in everything_in(out)
    if fault == 'context overflow':
        assert b'"reason":"context_overflow: ' in everything_in(out), 'our fault, by its name'


@pytest.mark.parametrize(('profile', 'code'), [('published-2026', 2), ('strict', 0)])
def test_a_run_with_shortcuts_says_so_or_is_refused(
        tmp_path: Path, scenes: Path, profile: str, code: int) -> None:
    server = FaultServer()
    server.honours = 'structured_outputs'
    out = tmp_path / 'run'
    try:
        done = evaluate(scenes, out, server.spec, '--profile', profile, '--early-stop',
                        '--structured-output', '--context', 'append', '--image-size', '32x18')
    finally:
        server.stop()
    assert done.returncode == code, done.stderr
    if code:
        assert 'scores a model by its own words' in done.stderr and not out.exists()
        return
    manifest = (out / 'run.json').read_text()
    for words in ('with structured output, early stop', '"context": "append"',
                  '"image_width": 32', '"shortcuts"'):
        assert words in manifest
    assert '32x18 JPEG quality 85' in (out / 'episodes.jsonl').read_text()
    assert 'with structured output, early stop' in done.stdout, 'in the name over its tables'


