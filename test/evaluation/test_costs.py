# SPDX-License-Identifier: Apache-2.0
"""What a run may cost: estimates before it, a budget during it, nothing spent unseen."""

from __future__ import annotations

import io
import json
from pathlib import Path
import threading
import time

from evaluation_fixtures import SMALL_VIEW
from model_replies import Completions, serving
import pytest

from hvs_ros.cli.main import main
from hvs_ros.core.errors import InputError
from hvs_ros.evaluation.budget import Budget, Prices
from hvs_ros.evaluation.config import EvalConfig, ViewConfig
from hvs_ros.evaluation.estimate import dry_run
from hvs_ros.evaluation.image_tokens import GENERIC, family_of
from hvs_ros.evaluation.run_files import read_lines, read_records

NOBODY = 'http://127.0.0.1:9/v1'


@pytest.mark.parametrize('model, size, tokens', [
    # 1092 x 1932 pixels are 39 x 69 merged patches; two tokens mark begin and end
    ('Qwen/Qwen2.5-VL-3B-Instruct', (1920, 1080), 39 * 69 + 2),
    ('HVS-3B', (1280, 720), 26 * 46 + 2),
    ('Qwen2-VL-7B', (20, 20), 4 + 2),  # scaled up to the least number of pixels
    ('Qwen2.5-VL-7B', (7680, 3840), 90 * 181 + 2),  # and down to the most
    ('Qwen3-VL-8B', (1920, 1080), 34 * 60 + 2), ('HVS-8B', (1920, 1080), 34 * 60 + 2),
    ('gpt-4o', (1920, 1080), 85 + 170 * 6), ('gpt-4o', (1024, 1024), 85 + 170 * 4),
    ('gpt-4o', (2048, 4096), 85 + 170 * 6), ('gpt-4.1', (512, 512), 85 + 170),
    ('gpt-4o-mini', (1024, 1024), 2833 + 5667 * 4), ('gpt-5', (1024, 1024), 70 + 140 * 4),
    ('gpt-5-mini', (1024, 1024), 1659), ('gpt-4.1-nano', (1920, 1080), 3779),
    ('o4-mini', (1024, 1024), 1762), ('o3', (512, 512), 225),
    ('gemini-2.5-pro', (960, 540), 258 * 6), ('gemini-2.5-flash', (384, 384), 258),
    ('claude-sonnet-4', (1000, 1000), 1334), ('OpenGVLab/InternVL3-8B', (1920, 1080), 9 * 256),
    ('InternVL2', (448, 448), 256), ('google/gemma-3-4b-it', (1920, 1080), 256),
    ('some-model', (280, 280), 100)])
def test_a_picture_is_counted_as_its_models_family_does(
        model: str, size: tuple[int, int], tokens: int) -> None:
    assert family_of(model).rule(*size) == tokens


def test_a_model_that_is_not_known_is_counted_in_general_and_says_so() -> None:
    assert family_of('some-model') is GENERIC
    assert 'not known' in GENERIC.source


def test_a_dry_run_counts_requests_pictures_and_cost_and_asks_nobody(
        tmp_path: Path, dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ['eval', str(dataset), '--planner', f'openai:gpt-4o@{NOBODY}', '--repeats', '2',
             '--price-input', '2.5', '--price-output', '10', '--dry-run']
    out = tmp_path / 'run'
    assert main([*words, '--out', str(out)]) == 0
    told = capsys.readouterr().out
    assert not out.exists()
    assert 'episodes: 25 in 3 panoramas, 2 search(es) each' in told
    assert 'searches: 50 to run, 0 finished before' in told
    assert 'requests: 500 at most (10 turns a search)' in told
    # the last five views of ten turns: 1 + 2 + 3 + 4 + 5 * 6 pictures a search
    assert f'{50 * 40 * 1105} image tokens' in told and 'an estimate' in told
    assert f'output: {500 * 1024} tokens' in told and 'OpenAI' in told
    config = EvalConfig(
        str(dataset), f'openai:gpt-4o@{NOBODY}', repeats=2,
        prices={'prompt': 2.5, 'completion': 10})
    found = dry_run(config, None, stream=io.StringIO())
    most = (found.image_tokens + found.text_tokens) * 2.5e-6 + found.reply_tokens * 10e-6
    assert f'cost: {most:.2f} at most' in told
    assert found.text_tokens > 500 * 100


def test_a_dry_run_of_a_begun_run_counts_what_is_left(
        tmp_path: Path, dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / 'run'
    words = ['eval', str(dataset), '--planner', 'sweep', *SMALL_VIEW, '--out', str(out)]
    assert main(words) == 0
    path = out / 'episodes.jsonl'
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(''.join(lines[:20]))
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    capsys.readouterr()
    assert main([*words, '--dry-run']) == 0
    told = capsys.readouterr().out
    assert 'searches: 5 to run, 20 finished before' in told
    assert 'requests: 50 at most' in told and 'asks no model' in told
    assert main([*words, '--dry-run', '--seed', '3']) == 2
    assert 'config.seed' in capsys.readouterr().err
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before


@pytest.mark.parametrize('words, named', [
    (('--max-cost', '1'), 'max_cost needs the prices'),
    (('--price-input', '1'), 'belong together'),
    (('--price-input', '-1', '--price-output', '1'), 'prompt'),
    (('--price-input', 'nan', '--price-output', '1'), 'nan'),
    (('--price-input', '1', '--price-output', '1', '--max-cost', '-2'), 'max_cost')])
def test_bad_prices_are_named(
        dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
        words: tuple[str, ...], named: str) -> None:
    assert main(['eval', str(dataset), '--planner', 'sweep', '--out', str(tmp_path / 'run'),
                 *words]) == 2
    assert named in capsys.readouterr().err
    assert not (tmp_path / 'run').exists()


def test_a_budget_counts_what_all_workers_and_earlier_sittings_paid() -> None:
    budget = Budget(1.0, Prices(2.0, 10.0), 0.5, 2)
    purses = [budget.purse(0), budget.purse(1)]
    purses[0].pay(100_000, 10_000)
    assert budget.spent == pytest.approx(0.8) and purses[1].is_open()
    purses[1].pay(100_000, 0)
    assert budget.spent == pytest.approx(1.0) and not purses[0].is_open()
    with pytest.raises(InputError, match='no token usage'):
        purses[0].pay(0, 0)


class Paid(Completions):
    """A model whose replies cost 0.01 each at 1 a million tokens; turns, then submits."""

    usage = {'prompt_tokens': 9000, 'completion_tokens': 1000, 'total_tokens': 10000}
    asked = 0
    guard = threading.Lock()

    def before_answering(self) -> None:
        with Paid.guard:
            Paid.asked += 1
        time.sleep(0.005)

    @property
    def reply(self) -> str:  # type: ignore[override]
        return '<think>on</think><answer>rotate(90,0)</answer>'


@pytest.mark.parametrize('workers', [1, 4])
def test_a_budget_stops_a_run_within_the_requests_in_flight_and_a_higher_one_goes_on(
        tmp_path: Path, dataset: Path, capsys: pytest.CaptureFixture[str],
        workers: int) -> None:
    out = tmp_path / 'run'
    Paid.asked = 0
    with serving(Paid) as url:
        words = [
            'eval', str(dataset), '--planner', f'openai:tiny@{url}', '--workers', str(workers),
            '--max-turns', '3', '--price-input', '1', '--price-output', '1', *SMALL_VIEW,
            '--out', str(out)]
        for limit, requests in (('0.205', 21), ('0.405', 41)):
            assert main([*words, '--max-cost', limit]) == 1
            told = capsys.readouterr().out
            assert f'no more than {limit} may be; the same command' in told and 'goes on' in told
            assert 'incomplete: ' in told
            # every request is told of in the lines, and no more were sent than may be in flight
            lines = read_lines(out)
            assert lines.prompt_tokens == 9000 * Paid.asked
            assert requests <= Paid.asked <= requests + workers - 1
        assert main([*words, '--max-cost', '9']) == 0
    records = read_records(out)
    assert len(records) == 25 and {r['outcome'] for r in records} == {'truncated'}
    assert json.loads((out / 'metrics.json').read_text())['status'] == 'complete'


def test_without_usage_a_budget_cannot_be_kept_and_the_run_says_so(
        tmp_path: Path, dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Silent(Completions):
        usage = None
        reply = '<think>on</think><answer>rotate(90,0)</answer>'

    with serving(Silent) as url:
        code = main([
            'eval', str(dataset), '--planner', f'openai:tiny@{url}', '--price-input', '1',
            '--price-output', '1', '--max-cost', '1', *SMALL_VIEW,
            '--out', str(tmp_path / 'run')])
    assert code == 2
    assert 'no token usage' in capsys.readouterr().err


def test_prices_told_once_hold_for_the_whole_run(tmp_path: Path, dataset: Path) -> None:
    out = tmp_path / 'run'
    words = ['eval', str(dataset), '--planner', 'sweep', *SMALL_VIEW, '--out', str(out)]
    assert main([*words, '--price-input', '1', '--price-output', '2']) == 0
    path = out / 'episodes.jsonl'
    path.write_text(''.join(path.read_text().splitlines(keepends=True)[:-1]))
    assert main(words) == 0
    manifest = json.loads((out / 'run.json').read_text())
    assert manifest['config']['prices'] == {'prompt': 1.0, 'completion': 2.0}
    assert json.loads((out / 'metrics.json').read_text())['cost']['total'] == 0


def test_a_view_of_another_size_is_another_picture(dataset: Path) -> None:
    small = EvalConfig(
        str(dataset), f'openai:Qwen2.5-VL@{NOBODY}', view=ViewConfig(640, 360))
    assert dry_run(small, None, stream=io.StringIO()).picture_tokens == 23 * 13 + 2
