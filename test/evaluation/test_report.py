# SPDX-License-Identifier: Apache-2.0
"""The page of a run: whole without a network, harmless whatever a model says."""

from __future__ import annotations

from html.parser import HTMLParser
import io
import json
from pathlib import Path
import shutil

from evaluation_fixtures import write_scene
import pytest

from hvs_ros.core.search import Decision, Observation, Task
from hvs_ros.evaluation.config import EvalConfig, ViewConfig
from hvs_ros.evaluation.figures import gaze_path
from hvs_ros.evaluation.report import choose_shown, derive
from hvs_ros.evaluation.session import evaluate

HOSTILE = '</pre><script>alert(1)</script><img src=x onerror=alert(2)>\ud800 {{ 7*7 }} "\'&'


class Mouthy:
    """A planner whose model writes markup."""

    name = '<b>mouthy</b>'
    answer_format = 'free_think'

    def begin(self, task: Task) -> Mouthy:
        return self

    def act(self, observation: Observation) -> Decision:
        action = 'rotate(170,20)' if observation.index == 0 else 'submit(5,5)'
        return Decision(f'<think>{HOSTILE}</think><answer>{action}</answer>')

    def close(self) -> None:
        pass


class Page(HTMLParser):
    """Note what a browser would do with the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ''
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or '') for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    item = {'task': f'Find {HOSTILE[:30]}', 'yaw': [350.0, 10.0], 'pitch': [-5.0, 5.0]}
    write_scene(tmp_path / 'data', 'scene', [item])
    monkeypatch.setattr('hvs_ros.evaluation.session.planner_for', lambda config: Mouthy())
    config = EvalConfig(str(tmp_path / 'data'), 'mouthy', view=ViewConfig(64, 36))
    assert evaluate(config, tmp_path / 'run', stream=io.StringIO(), bar=False) == 0
    return tmp_path / 'run'


def test_hostile_text_is_text(run_folder: Path) -> None:
    page = Page((run_folder / 'report.html').read_text(encoding='utf-8'))
    assert 'script' not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith('on')]
    assert '<script>alert(1)</script>' in page.text and '{{ 7*7 }}' in page.text
    assert "default-src 'none'" in dict(page.attributes)['content'] or any(
        "default-src 'none'" in value for _, value in page.attributes)


def test_nothing_is_fetched(run_folder: Path) -> None:
    page = Page((run_folder / 'report.html').read_text(encoding='utf-8'))
    links = [value for name, value in page.attributes if name in ('src', 'href')]
    assert len(links) == 8
    assert all(value.startswith('data:image/jpeg;base64,') for value in links)


def test_the_page_is_made_anew_from_the_lines_alone(run_folder: Path) -> None:
    before = (run_folder / 'report.html').read_bytes()
    metrics = (run_folder / 'metrics.json').read_bytes()
    (run_folder / 'report.html').unlink()
    (run_folder / 'metrics.json').unlink()
    derive(run_folder)
    assert (run_folder / 'report.html').read_bytes() == before
    assert (run_folder / 'metrics.json').read_bytes() == metrics


def test_missing_panoramas_are_told_and_cost_only_the_pictures(run_folder: Path) -> None:
    data = run_folder.parent / 'data'
    shutil.move(data, run_folder.parent / 'elsewhere')
    derive(run_folder)
    page = Page((run_folder / 'report.html').read_text(encoding='utf-8'))
    assert 'were not found, so there are no pictures' in page.text
    assert 'img' not in page.tags and page.text.count('verbatim') == 8
    derive(run_folder, run_folder.parent / 'elsewhere')
    assert 'img' in Page((run_folder / 'report.html').read_text(encoding='utf-8')).tags


def test_another_dataset_lends_no_pictures(run_folder: Path, tmp_path: Path) -> None:
    write_scene(tmp_path / 'other', 'scene', [{'task': 'x', 'yaw': [0, 9], 'pitch': [0, 9]}])
    derive(run_folder, tmp_path / 'other')
    page = Page((run_folder / 'report.html').read_text(encoding='utf-8'))
    assert 'is not the dataset of this run' in page.text and 'img' not in page.tags


def test_a_long_run_shows_what_failed_first_and_says_so(run_folder: Path) -> None:
    derive(run_folder, most_strips=2)
    page = Page((run_folder / 'report.html').read_text(encoding='utf-8'))
    assert '2 of 4 episodes are shown' in page.text
    assert page.tags.count('article') == 2


def test_choosing_keeps_failures_and_spreads_successes() -> None:
    records = [
        {'id': f'{n:03}', 'repeat': 0, 'outcome': 'error' if n % 50 == 0 else 'success'}
        for n in range(400)]
    shown = choose_shown(records, 40)
    assert len(shown) == 40
    assert sum(record['outcome'] == 'error' for record in shown) == 8
    assert choose_shown(records[:40], 40) == records[:40]
    assert len(choose_shown([{**r, 'outcome': 'failure'} for r in records], 40)) == 40


def test_the_gaze_path_is_cut_at_the_seam() -> None:
    record = {
        'target': {'kind': 'object', 'yaw': [170.0, 190.0], 'pitch': [-10.0, 10.0]},
        'turns': [{'gaze_measured': [170, 0]}, {'gaze_measured': [190, 30]}],
        'answer': [190, 100], 'gaze': [190, 30]}
    path = gaze_path(record)
    assert [(mark['x'], mark['y']) for mark in path['marks']] == [(350, 90), (10, 60)]
    assert [(line['x1'], line['x2']) for line in path['lines'][:2]] == [(350, 370), (-10, 10)]
    assert path['answer'] == {'x': 10, 'y': 0}
    assert sorted((box['name'], box['width']) for box in path['windows']) == [
        ('annotated', 10), ('annotated', 10), ('widened', 30), ('widened', 30)]


def test_metrics_are_plain_json(run_folder: Path) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(f'{name} is not JSON')

    json.loads((run_folder / 'metrics.json').read_text(), parse_constant=refuse)
