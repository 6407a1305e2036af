# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from hvs_ros.core.episode import load_episodes
from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.profile import PROFILES
from hvs_ros.core.scoring import Target, chance_rate
from hvs_ros.core.search import SearchSession, Task
from hvs_ros.core.view import View
from hvs_ros.planners.baselines import RandomPlanner, SweepPlanner
from hvs_ros.planners.oracle import OraclePlanner, winning_answer
from hvs_ros.planners.registry import make_planner

SHARED = Path(__file__).resolve().parents[3] / 'shared'
STARTS = [BenchmarkAngles(0, 0), BenchmarkAngles(270, 0), BenchmarkAngles(37.5, 0),
          BenchmarkAngles(359.9, 0)]


def finish(planner, task, profile, max_turns=10):
    session, search = SearchSession(task, profile, max_turns=max_turns), planner.begin(task)
    while session.result is None:
        view = View(b'', session.goal.to_gaze(), 1920, 1080, 1.745)
        session.decide(search.act(session.observe(view)))
    return session


def succeeds(profile, target, session):
    result = session.result
    return result.status == 'submitted' and profile.succeeds(target, result.answer, result.pose)


def oracle_wins_everywhere(target, start):
    planner = OraclePlanner({'x': target})
    sessions = [finish(planner, Task('x', target.kind, 'Find it', start), profile)
                for profile in PROFILES.values()]
    return all(succeeds(profile, target, session)
               for profile, session in zip(PROFILES.values(), sessions, strict=True))


@pytest.mark.parametrize('start', STARTS, ids=str)
@pytest.mark.parametrize('target', [
    Target('object', (100, 180), (-10, 40)),
    Target('object', (123.4, 123.9), (1.2, 1.6)),
    Target('object', (340, 20), (-5, 5)),
    Target('object', (290, 360), (-25, 25)),
    Target('object', (0, 360), (-20, 20)),
    Target('object', (0, 360), (80, 88)),
    Target('object', (40, 60), (80, 88)),
    Target('object', (200, 220), (-90, -84)),
    Target('object', (10.5, 359.5), (-90, 90)),
    Target('path', (185.51, 208.7), None),
    Target('path', (359.9, 0.1), None),
    Target('path', (0, 360), None),
], ids=str)
def test_oracle_wins_under_every_profile(target, start):
    assert oracle_wins_everywhere(target, start)


angles = st.floats(0, 360).map(lambda angle: round(angle, 2))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(yaw=st.tuples(angles, angles), path=st.booleans(), start=angles,
       pitch=st.tuples(st.floats(-90, 90), st.floats(-90, 90)).map(sorted).map(tuple))
def test_oracle_wins_on_every_shape_of_window(yaw, pitch, path, start):
    target = Target('path', yaw, None) if path else Target('object', yaw, pitch)
    assert oracle_wins_everywhere(target, BenchmarkAngles(start % 360, 0))


@pytest.mark.parametrize('folder', ['panoramas', 'parity/edges_panoramas'])
def test_oracle_wins_on_the_shared_annotations(folder):
    if not (SHARED / folder).is_dir():
        pytest.skip(f'../shared/{folder} is not there')
    planner = OraclePlanner.of_dataset(SHARED / folder)
    for episode in load_episodes(SHARED / folder):
        task = Task(episode.id, episode.target.kind, episode.instruction, episode.start)
        for profile in PROFILES.values():
            assert succeeds(profile, episode.target, finish(planner, task, profile)), episode.id


def test_oracle_rotates_even_when_it_looks_there_already():
    target = Target('object', (350, 10), (-5, 5))
    session = finish(OraclePlanner({'x': target}), Task('x', 'object', 'Find it'),
                     PROFILES['strict'])
    assert [turn.parsed.action_text for turn in session.turns] == ['rotate(0,0)', 'submit(0,0)']


def test_oracle_submits_whole_degrees_from_a_pose_that_is_not_whole():
    target = Target('object', (123.4, 123.9), (1.2, 1.6))
    pose, numbers = winning_answer(target, BenchmarkAngles(37.5, 0))
    assert pose.yaw % 1 == 0.5
    assert numbers == (124, 1)


def test_oracle_knows_no_foreign_episode():
    with pytest.raises(InputError, match='no episode with the id'):
        OraclePlanner({}).begin(Task('hos/x/0/0', 'object', 'Find it'))


@pytest.mark.parametrize('planner', [OraclePlanner({'x': Target('path', (90, 100), None)}),
                                     RandomPlanner(), SweepPlanner()], ids=lambda p: p.name)
def test_a_last_turn_is_spent_on_the_answer(planner):
    session = finish(planner, Task('x', 'path', 'Go'), PROFILES['published-2026'], max_turns=1)
    assert session.result.status == 'submitted'


def drawn(seed, task_id, task_seed=None):
    task = Task(task_id, 'object', 'Find it', seed=task_seed)
    return finish(RandomPlanner(seed), task, PROFILES['strict']).result.answer


def test_random_depends_on_seed_and_task_alone():
    assert drawn(1, 'a') == drawn(1, 'a') == drawn(2, 'a', task_seed=1)
    assert len({drawn(seed, name) for seed in (1, 2) for name in 'abcdef'}) > 6


def test_random_covers_the_documented_range_evenly():
    answers = [drawn(0, f'{k}') for k in range(4000)]
    yaws = Counter(int(a.yaw) // 90 for a in answers)
    pitches = Counter((int(a.pitch) + 90) // 61 for a in answers)
    assert {a.yaw for a in answers} == set(range(360))
    assert {a.pitch for a in answers} == set(range(-90, 91))
    assert all(abs(count - 1000) < 120 for count in yaws.values())
    assert all(abs(pitches[k] - 4000 * size / 181) < 140 for k, size in enumerate((61, 61, 59)))


@pytest.mark.parametrize('profile', PROFILES.values(), ids=lambda profile: profile.name)
@pytest.mark.parametrize('target', [Target('object', (100, 120), (0, 10)),
                                    Target('object', (350, 10), (0, 10))], ids=str)
def test_random_succeeds_as_often_as_chance(profile, target):
    rate, n = chance_rate(target, profile.name), 2000
    won = sum(succeeds(profile, target, finish(
        RandomPlanner(7), Task(f'{k}', 'object', 'Find it'), profile)) for k in range(n))
    assert abs(won / n - rate) < 2.58 * (rate * (1 - rate) / n) ** 0.5


def test_sweep_looks_all_around_and_submits_the_last_view():
    session = finish(SweepPlanner(), Task('x', 'object', 'Find it', BenchmarkAngles(37.5, 0)),
                     PROFILES['published-2026'])
    assert [turn.told.yaw for turn in session.turns] == [37.5, 127.5, 217.5, 307.5]
    assert session.result.answer.yaw == 308


def test_sweep_takes_as_many_views_as_it_is_told():
    session = finish(SweepPlanner(5), Task('x', 'object', 'Find it', BenchmarkAngles(10, 0)),
                     PROFILES['published-2026'])
    assert [turn.told.yaw for turn in session.turns] == [10, 82, 154, 226, 298]
    assert make_planner('sweep:5').name == 'sweep:5' and make_planner('sweep:4').name == 'sweep'
