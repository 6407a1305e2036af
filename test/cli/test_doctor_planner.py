# SPDX-License-Identifier: Apache-2.0
"""`hvs doctor --planner`: one real turn, and a verdict that helps whatever the server does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import sys

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / 'planners'))
from fault_server import FAULTS, FaultServer

from hvs_ros.cli.main import main
from hvs_ros.cli.planner_check import Finding, check_planner

VERDICTS = {
    'another model answers': 'works: Rotate', 'two answers': 'works: Rotate',
    'absurd angles': 'works: Rotate', 'truncated answer': 'cut by the token limit',
    **dict.fromkeys(('endless output', 'oversized reply'), 'a few words, but not a view'),
    **dict.fromkeys(
        ('empty content', 'null content', 'content filter', 'unicode rubbish',
         'answer in the thought', 'a sign that gives orders'), 'but not with an action')}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    monkeypatch.setenv('OPENAI_API_KEY', 'sk-very-secret')
    server = FaultServer()
    yield server
    server.stop()


def text_of(findings: list[Finding]) -> str:
    return '\n'.join(' '.join(finding) for finding in findings)


def test_a_server_that_is_well_is_told_in_full(server: FaultServer) -> None:
    server.honours, server.version = 'structured_outputs', '0.11.2'
    findings = check_planner(server.spec, 5.0)
    assert [(level, name) for level, name, _ in findings] == [
        ('ok', name) for name in ('server', 'model', 'structured output', 'images',
                                  'time of a turn', 'tokens', 'answered as', 'verdict')]
    told = text_of(findings)
    for words in ('vLLM 0.11.2', 'structured_outputs', '1920x1080', 'first words after',
                  '600 read, 20 written', 'works: Rotate'):
        assert words in told


@pytest.mark.parametrize('name', list(FAULTS))
def test_every_fault_has_a_verdict_that_names_it(server: FaultServer, name: str) -> None:
    server.begin(name)
    findings = check_planner(server.spec_for(name), 0.4)
    level, last, verdict = findings[-1]
    assert last == 'verdict' and VERDICTS.get(name, 'cannot be used') in verdict
    assert (level == 'ok') == ('works' in verdict)
    assert 'sk-very-secret' not in text_of(findings)
    if FAULTS[name].answers is False:
        assert any(level == 'bad' and FAULTS[name].url.format(port=server.port) in text
                   for level, _, text in findings), 'which server, and why'


def test_a_model_that_reads_but_does_not_see_is_told_from_one_that_is_away(
        server: FaultServer) -> None:
    server.blind = True
    findings = check_planner(server.spec, 2.0)
    assert ('ok', 'model') in [finding[:2] for finding in findings]
    assert 'vision-language' in findings[-1][2]


def test_the_command_says_so_in_its_exit_code(
        server: FaultServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['doctor', '--planner', server.spec]) == 0
    assert '✓ verdict' in capsys.readouterr().out
    server.begin('500')
    assert main(['doctor', '--planner', server.spec, '--give-up-after', '0.4']) == 1
    assert 'HTTP 500' in capsys.readouterr().out


def test_no_view_leaves_for_a_server_elsewhere_unasked(
        capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['doctor', '--planner', 'openai:m@https://8.8.8.8/v1']) == 1
    assert 'allow_remote_images' in capsys.readouterr().out
