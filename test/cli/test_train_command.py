# SPDX-License-Identifier: Apache-2.0
"""`hvs train` refuses what it cannot write before it works for minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

from hvs_ros.cli.main import main


@pytest.mark.parametrize('words, sentence', [
    (['grounder', '--out', 'no/such/folder/a.onnx'], '--out no/such/folder/a.onnx: there is no '),
    (['grounder', '--out', '.'], '--out .: is a folder, not a file'),
    (['grounder', '--scenes', '0'], '--scenes, --minutes and --threads must be above 0'),
    (['table', '--model', 'x.onnx', '--json', 'no/such/folder/a.json'], '--json no/such/folder'),
    (['table', '--model', 'x.onnx', '--json', 'a.json'], 'x.onnx: cannot be read')])
def test_what_cannot_be_is_one_sentence_and_nothing_is_begun(
        words: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture):
    monkeypatch.chdir(tmp_path)
    assert main(['train', *words]) == 2
    told = capsys.readouterr().err
    assert told.startswith('hvs: error: ') and told.count('\n') == 1 and sentence in told
    assert list(tmp_path.iterdir()) == []
