# SPDX-License-Identifier: Apache-2.0
"""The direct driver: same records for any number of workers, one bad episode costs only itself."""

from __future__ import annotations

from dataclasses import dataclass
import io
import json
from pathlib import Path
import shutil
import threading
import time

from evaluation_fixtures import REPOSITORY, comparable, write_scene
import pytest

from hvs_ros.core.errors import HvsError
from hvs_ros.core.panorama import PanoramaCache
from hvs_ros.core.profile import PROFILES
from hvs_ros.core.search import Decision, Observation, Task
from hvs_ros.evaluation.config import EvalConfig, ViewConfig, load_selected
from hvs_ros.evaluation.direct import run_direct
from hvs_ros.evaluation.manifest import build_manifest, planner_for
from hvs_ros.evaluation.records import RunWriter
from hvs_ros.evaluation.run_files import read_records
from hvs_ros.evaluation.runner import EpisodeRunner, Job, StoppedError
from hvs_ros.evaluation.session import RunStoppedError, evaluate
from hvs_ros.evaluation.statistics import wilson
from hvs_ros.planners.base import Planner, PlannerUnavailable

SHARED = REPOSITORY.parent / 'shared' / 'panoramas'
VIEW = ViewConfig(64, 36)


def run(config: EvalConfig, out: Path, planner: Planner | None = None) -> list[dict]:
    episodes = load_selected(config)
    planner = planner_for(config) if planner is None else planner
    with RunWriter.open(out, build_manifest(config, episodes, planner)) as writer:
        run_direct(writer, episodes, planner, lambda record: None)
    return read_records(out)


@pytest.mark.parametrize('profile', sorted(PROFILES))
@pytest.mark.parametrize('data', ['own', 'bundled', 'shared'])
def test_the_oracle_scores_everything(
        tmp_path: Path, dataset: Path, profile: str, data: str) -> None:
    root = {'own': dataset, 'bundled': REPOSITORY / 'sim/episodes', 'shared': SHARED}[data]
    if not root.exists():
        pytest.skip(f'{root.name} is not there')
    config = EvalConfig(str(root), 'oracle', profile=profile, view=VIEW)
    records = run(config, tmp_path / 'run')
    assert [r['id'] for r in records if r['outcome'] != 'success'] == []
    assert all(
        [turn['action']['type'] for turn in r['turns']] == ['rotate', 'submit'] for r in records)
    assert all(set(r['success'].values()) == {True} for r in records)


@pytest.mark.parametrize('profile', sorted(PROFILES))
def test_random_is_as_good_as_chance(tmp_path: Path, dataset: Path, profile: str) -> None:
    out = tmp_path / 'run'
    config = EvalConfig(str(dataset), 'random', profile=profile, view=VIEW, repeats=10)
    evaluate(config, out, stream=io.StringIO(), bar=False)
    overall = json.loads((out / 'metrics.json').read_text())['profiles'][profile]['overall']
    success = overall['success']
    low, high = wilson(success['successes'], success['n'], 0.99)
    assert success['n'] == 10 * 25
    assert low <= overall['chance'] <= high


@pytest.mark.parametrize('workers', [2, 3])
def test_records_do_not_depend_on_the_number_of_workers(
        tmp_path: Path, dataset: Path, workers: int) -> None:
    config = EvalConfig(str(dataset), 'random', view=VIEW, limit=12, seed=5, repeats=2)
    alone = run(config, tmp_path / 'alone')
    together = run(
        EvalConfig(**{**config.__dict__, 'workers': workers}), tmp_path / 'together')
    assert list(map(comparable, alone)) == list(map(comparable, together))
    assert len({record['seed'] for record in alone}) == 24


def test_the_seed_changes_what_random_does(tmp_path: Path, dataset: Path) -> None:
    answers = [
        [r['answer'] for r in run(
            EvalConfig(str(dataset), 'random', view=VIEW, seed=seed), tmp_path / str(seed))]
        for seed in (1, 2)]
    assert answers[0] != answers[1]


@dataclass
class Scripted:
    """A planner of our own: says one reply, or raises, for the episodes named."""

    reply: str = '<think>x</think><answer>submit(0,0)</answer>'
    errors: dict[str, Exception] | None = None
    name: str = 'scripted'
    answer_format: str = 'free_think'

    def begin(self, task: Task) -> Scripted:
        error = (self.errors or {}).get(task.id)
        if error is not None:
            raise error
        return self

    def act(self, observation: Observation) -> Decision:
        return Decision(self.reply)

    def close(self) -> None:
        pass


def test_one_broken_search_is_an_error_and_the_others_go_on(
        tmp_path: Path, dataset: Path) -> None:
    broken = {
        'hos/flat/0/0': PlannerUnavailable('model at http://x did not answer'),
        'hos/flat/0/90': KeyError('a slip in the planner')}
    records = run(EvalConfig(str(dataset), view=VIEW), tmp_path / 'run', Scripted(errors=broken))
    errors = {r['id']: r['reason'] for r in records if r['outcome'] == 'error'}
    assert errors == {
        'hos/flat/0/0': 'model at http://x did not answer',
        'hos/flat/0/90': "KeyError: 'a slip in the planner'"}
    assert len(records) == 25
    for record in records:
        assert (set(record['success'].values()) == {None}) is (record['id'] in errors)


def test_a_search_without_an_answer_is_truncated(tmp_path: Path, dataset: Path) -> None:
    config = EvalConfig(str(dataset), view=VIEW, limit=1, max_turns=3)
    record = run(config, tmp_path / 'run', Scripted('I do not know'))[0]
    assert (record['outcome'], len(record['turns']), record['answer']) == ('truncated', 3, None)
    assert record['success'] == {
        'published-2025': False, 'published-2026': False, 'strict': None}


def test_a_panorama_damaged_inside_is_named_and_costs_only_its_episodes(
        tmp_path: Path, dataset: Path) -> None:
    root = tmp_path / 'data'
    shutil.copytree(dataset, root)
    path = root / 'a/flat/pano_0.jpg'
    content = bytearray(path.read_bytes())
    content[len(content) // 2:-2] = bytes(len(content) - 2 - len(content) // 2)
    path.write_bytes(content)
    config = EvalConfig(str(root), 'sweep', view=VIEW, max_consecutive_errors=2)
    records = run(config, tmp_path / 'run')
    errors = [r for r in records if r['outcome'] == 'error']
    assert {r['scene'] for r in errors} == {'flat'}
    assert all(str(path) in r['reason'] for r in errors)
    assert len(records) == 25


def test_errors_in_a_row_stop_the_run_and_the_next_sitting_finishes_it(
        tmp_path: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = EvalConfig(str(dataset), 'scripted', view=VIEW)
    episodes = load_selected(config)
    dead = Scripted(errors={e.id: PlannerUnavailable('connection refused') for e in episodes})
    monkeypatch.setattr('hvs_ros.evaluation.session.planner_for', lambda config: dead)
    out = tmp_path / 'run'
    with pytest.raises(RunStoppedError, match='5 errors in a row, the last: connection refused'):
        evaluate(config, out, stream=io.StringIO(), bar=False)
    assert [r['outcome'] for r in read_records(out)] == ['error'] * 5
    metrics = json.loads((out / 'metrics.json').read_text())
    assert (metrics['status'], metrics['scored'], metrics['outcomes']['not run']) == (
        'incomplete', 0, 20)
    dead.errors = None
    assert evaluate(config, out, stream=io.StringIO(), bar=False) == 0
    records = read_records(out)
    assert len(records) == 25 and not any(r['outcome'] == 'error' for r in records)
    assert sum(r['attempt'] == 2 for r in records) == 5


class Hanging(Scripted):
    """A model that answers only when it is hung up on."""

    def begin(self, task: Task) -> Hanging:
        self.hung_up = threading.Event()
        return self

    def act(self, observation: Observation) -> Decision:
        self.hung_up.wait(30)
        raise PlannerUnavailable('hung up')

    def close(self) -> None:
        self.hung_up.set()


def test_closing_a_runner_ends_the_search_in_flight_without_a_record(dataset: Path) -> None:
    config = EvalConfig(str(dataset), view=VIEW)
    runner = EpisodeRunner(config, Hanging(), PanoramaCache())
    threading.Timer(0.2, runner.close).start()
    begun = time.monotonic()
    with pytest.raises(StoppedError):
        runner.run(Job(load_selected(config)[0], 0, 1))
    assert time.monotonic() - begun < 2
    with pytest.raises(StoppedError):
        runner.run(Job(load_selected(config)[1], 0, 1))


def test_only_ids_limit_and_repeats_select(tmp_path: Path, dataset: Path) -> None:
    config = EvalConfig(
        str(dataset), 'sweep', view=VIEW, repeats=2,
        only_ids=('hos/flat/2/37.5', 'hps/hall/0/90'))
    keys = [(r['id'], r['repeat']) for r in run(config, tmp_path / 'run')]
    assert keys == [
        ('hos/flat/2/37.5', 0), ('hos/flat/2/37.5', 1), ('hps/hall/0/90', 0),
        ('hps/hall/0/90', 1)]


def test_a_decimal_start_is_told_as_it_stands(tmp_path: Path, dataset: Path) -> None:
    config = EvalConfig(str(dataset), 'sweep', view=VIEW, only_ids=('hos/flat/2/37.5',))
    record = run(config, tmp_path / 'run')[0]
    assert [turn['gaze_told'][0] for turn in record['turns']] == [37.5, 127.5, 217.5, 307.5]


def test_a_run_of_another_dataset_is_refused(tmp_path: Path) -> None:
    item = [{'task': 'Find it', 'yaw': [0, 10], 'pitch': [0, 10]}]
    for seed in (1, 2):
        write_scene(tmp_path / str(seed), 'scene', item, seed=seed)
    config = EvalConfig(str(tmp_path / '1'), 'sweep', view=VIEW)
    run(EvalConfig(**{**config.__dict__, 'limit': None}), tmp_path / 'run')
    with pytest.raises(HvsError, match=r'(images|episodes)\.'):
        run(EvalConfig(**{**config.__dict__, 'episodes': str(tmp_path / '2')}), tmp_path / 'run')
