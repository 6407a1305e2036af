# SPDX-License-Identifier: Apache-2.0
"""An episode is put together rightly from messages that are doubled, late, old or missing."""

from __future__ import annotations

from dataclasses import replace
import itertools

import pytest

from hvs_ros.core.episode_watch import EpisodeWatch
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.messages import ResultLine, TurnLine
from hvs_ros.core.search import SHUT_DOWN, Task

ME, MINE = 'hos/room/0/0', 'this run'


def turn(index: int, stamp: int = 0, name: str = ME, order: str = MINE) -> TurnLine:
    return TurnLine(
        name, index, 'reply', '', {'type': 'rotate', 'dyaw': 1, 'dpitch': 0}, True, [index, 0],
        [index, 0], [index + 1, 0], stamp + index, 0.0, {}, order=order)


def result(turns: int, name: str = ME, order: str = MINE, reason: str = '') -> ResultLine:
    return ResultLine(
        name, 'object', 'a cup', 'strict', 'cancelled' if reason else 'submitted', reason,
        [0, 0], [0, 0], turns, order=order)


def watched(*lines: TurnLine | ResultLine) -> EpisodeWatch:
    watch = EpisodeWatch(ME, 0.0, MINE)
    for line in lines:
        watch.add(line, 1.0)
    return watch


@pytest.mark.parametrize(
    'order', list(itertools.permutations(range(4))), ids=lambda order: ''.join(map(str, order)))
def test_turns_and_result_may_come_in_any_order(order: tuple[int, ...]) -> None:
    lines = [turn(0), turn(1), turn(2), result(3)]
    watch = watched(*[lines[index] for index in order])
    assert watch.complete
    assert watch.in_order == lines[:3]


@pytest.mark.parametrize(('lines', 'complete'), [
    ([turn(0), turn(0), turn(1), turn(0), turn(1), result(2), result(2)], True),
    ([turn(0), result(2)], False),
    ([turn(1), result(2)], False),
    ([turn(0), turn(1), result(1)], False),
    ([turn(0), turn(1)], False),
    ([result(0)], True),
    ([turn(0), result(1, name='hos/room/1/0')], False),
    ([turn(0, name='hos/room/1/0'), result(1)], False),
    ([result(0, order='an earlier run')], False),
    ([turn(0), turn(1, order='an earlier run'), result(2)], False),
    ([turn(0, order=''), result(1, order='')], True),
    ([turn(0), result(1, reason=SHUT_DOWN)], False),
    ([turn(0), result(1, reason='cancelled by request')], True),
], ids=['all doubled', 'a turn short', 'the first turn short', 'a turn too many', 'no result',
        'no turns', 'another result', 'another turn', 'a stale result', 'a stale turn',
        'a planner that knows no orders', 'a planner that left', 'cancelled by a person'])
def test_an_episode_is_complete(lines: list[TurnLine | ResultLine], complete: bool) -> None:
    assert watched(*lines).complete is complete


def test_a_planner_that_begins_anew_replaces_what_the_dead_one_said() -> None:
    watch = watched(turn(0), turn(1), turn(2), turn(0, stamp=50), turn(1, stamp=50))
    assert [line.view_stamp for line in watch.in_order] == [50, 51]
    watch.add(result(2), 2.0)
    assert watch.complete


def test_a_result_may_overtake_the_turns_of_a_planner_that_began_anew() -> None:
    watch = watched(turn(0), turn(1), result(1))
    assert not watch.complete
    watch.add(turn(0, stamp=50), 2.0)
    assert watch.complete


def test_silence_is_measured_from_the_last_news() -> None:
    watch = EpisodeWatch(ME, 10.0, MINE)
    assert watch.silent_s(13.0) == 3.0
    watch.add(turn(0), 14.0)
    watch.add(turn(0), 15.0)
    watch.add(turn(1, name='another'), 16.0)
    assert watch.silent_s(17.0) == 3.0


def test_an_episode_that_never_ended_tells_what_it_had() -> None:
    task = Task(ME, 'path', 'a cup', BenchmarkAngles(90, 5))
    ended = watched(turn(0), turn(1)).given_up('silent', 'strict', task)
    assert (ended.status, ended.reason, ended.turns, ended.gaze) == ('error', 'silent', 2, [2, 0])
    never = watched().given_up('silent', 'strict', task)
    assert (never.task, never.answer, never.gaze) == ('path', None, [90, 5]), 'it never moved'


def test_the_words_of_a_leaving_planner_hide_no_result() -> None:
    watch = watched(turn(0), result(1), replace(result(1), reason=SHUT_DOWN))
    assert watch.complete and watch.result == result(1)
