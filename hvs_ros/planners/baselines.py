# SPDX-License-Identifier: Apache-2.0
"""Planners that look at no picture: what a score is worth compared with them."""

from __future__ import annotations

import random

from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import BenchmarkAngles, wrap_degrees
from hvs_ros.core.search import Decision, Observation, Task
from hvs_ros.planners.base import answer

SWEEP_VIEWS = 4


def rotation(told: BenchmarkAngles, goal: BenchmarkAngles) -> tuple[int, int]:
    """Return the whole degrees (dyaw the short way round, dpitch) from ``told`` to ``goal``."""
    return round(wrap_degrees(goal.yaw - told.yaw)), round(goal.pitch - told.pitch)


def rotate_decision(thought: str, dyaw: int, dpitch: int) -> Decision:
    """Return a decision to turn by whole degrees."""
    return Decision(answer(thought, f'rotate({dyaw},{dpitch})'))


def submit_decision(thought: str, yaw: int, pitch: int) -> Decision:
    """Return a decision to answer with a whole-degree direction."""
    return Decision(answer(thought, f'submit({yaw},{pitch})'))


class GoThereSearch:
    """Rotate to one direction, then submit it: what a planner does that has already decided."""

    def __init__(
            self, rotate_to: BenchmarkAngles, submit: tuple[int, int], thought: str) -> None:
        self._goal = rotate_to
        self._submit = submit
        self._thought = thought

    def act(self, observation: Observation) -> Decision:
        """Rotate on the first view, submit on the next (at once when only one turn is left)."""
        if observation.index == 0 and observation.turns_left > 1:
            return rotate_decision(self._thought, *rotation(observation.told, self._goal))
        return submit_decision(self._thought, *self._submit)

    def close(self) -> None:
        """Hold nothing, free nothing."""


class RandomPlanner:
    """
    Answer with a direction drawn without looking.

    Distribution: whole-degree yaw uniform in [0, 360), whole-degree pitch uniform in -90..90
    inclusive, independent. The draw is seeded by (seed, task id), where a task's own seed comes
    before the planner's, so that it does not depend on the order of the searches. It rotates
    there before it submits: every profile then scores the same direction (with a decimal start
    the pose lies within half a degree of the submitted numbers).
    """

    name = 'random'
    answer_format = 'free_think'

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed

    def begin(self, task: Task) -> GoThereSearch:
        """Draw this task's direction."""
        seed = self._seed if task.seed is None else task.seed
        draw = random.Random(f'{seed}:{task.id}')
        yaw, pitch = draw.randrange(360), draw.randint(-90, 90)
        return GoThereSearch(BenchmarkAngles(yaw, pitch), (yaw, pitch), 'a random direction')


class SweepSearch:
    """Turn round in equal steps, then submit where it looks."""

    def __init__(self, views: int = SWEEP_VIEWS) -> None:
        self._views = views

    def act(self, observation: Observation) -> Decision:
        """Take the next step of the sweep, or submit the present direction."""
        if observation.index < self._views - 1 and observation.turns_left > 1:
            return rotate_decision('looking around', 360 // self._views, 0)
        here = observation.told.whole()
        return submit_decision('the last view of the sweep', int(here.yaw), int(here.pitch))

    def close(self) -> None:
        """Hold nothing, free nothing."""


class SweepPlanner:
    """
    Look around once to the right, level, and submit the last direction.

    ``views`` divides 360; the default makes quarter turns.
    """

    answer_format = 'free_think'

    def __init__(self, views: int = SWEEP_VIEWS) -> None:
        if not 1 <= views <= 360 or 360 % views:
            raise InputError(f"planner 'sweep': {views} views do not divide 360 degrees")
        self.name = 'sweep' if views == SWEEP_VIEWS else f'sweep:{views}'
        self._views = views

    def begin(self, task: Task) -> SweepSearch:
        """Start a sweep; the task does not matter."""
        return SweepSearch(self._views)
