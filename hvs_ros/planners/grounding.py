# SPDX-License-Identifier: Apache-2.0
"""The planner made of a grounder: scan, centre on the best sighting, confirm, submit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
import hashlib
import math
from pathlib import Path
import time
from typing import Any

from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.search import Decision, Observation, SearchKind, Task
from hvs_ros.core.view import View
from hvs_ros.planners.baselines import rotate_decision, rotation, submit_decision
from hvs_ros.planners.phrases import phrases_of
from hvs_ros.planners.sightings import Grounder, Sighting, Sightings, apart, read_view, turn_words

CENTRED_DEGREES = 3.0
CLOSING_TURNS = 2
# How far apart views are, and how far up and down, as shares of the field of view: with 100 by 68
# degrees 8 views then leave 2% of the sphere unseen.
OVERLAP = 0.92
TILT_SHARE = 0.9
FADED = 0.4
# A thing not yet looked at is looked at when it scores this share of the best.
RIVAL_SHARE = 0.6


def scan_plan(
        start_yaw: float, horizontal_fov: float, vertical_fov: float,
        kind: SearchKind) -> list[BenchmarkAngles]:
    """
    Return the directions of a look around, nearest first: level, then down, then up.

    Fields of view in degrees. A path lies on the level, where signs hang too; an object may lie
    anywhere, and half as many views see all of the lower and of the upper band.
    """
    around = max(1, math.ceil(360.0 / (OVERLAP * horizontal_fov)))
    plan = [BenchmarkAngles((start_yaw + round(k * 360 / around)) % 360, 0)
            for k in range(around)]
    if kind == 'path':
        return plan
    tilt = min(90, round(TILT_SHARE * vertical_fov))
    half = max(1, math.ceil(around / 2))
    last = plan[-1].yaw
    for pitch, first in ((-tilt, last), (tilt, last + 180)):
        plan += [BenchmarkAngles((first + round(k * 360 / half)) % 360, pitch)
                 for k in range(half)]
    return plan


class GroundingSearch:
    """
    Look around, turn to what looks most like the instruction, look again, submit.

    It keeps the directions of what it saw; every turn is planned from where the gaze really is.
    """

    def __init__(self, task: Task, grounder: Grounder) -> None:
        self._task = task
        self._grounder = grounder
        self._worth = grounder.thresholds
        self._phrases = [task.instruction] if grounder.reads_instructions else phrases_of(
            task.instruction, task.kind)
        self._sightings = Sightings()
        self._plan: list[BenchmarkAngles] | None = None
        self._beyond_level = 0
        self._centring: Sighting | None = None

    def act(self, observation: Observation) -> Decision:
        """Return the next turn of the head, the answer, or that nothing was found."""
        begun = time.monotonic()
        self._look(observation)
        decision = self._decide(observation)
        return replace(decision, latency_s=time.monotonic() - begun)

    def close(self) -> None:
        """Hold nothing, free nothing."""

    def _look(self, observation: Observation) -> None:
        view, told = observation.view, observation.told
        if self._plan is None:
            self._plan = self._new_plan(view)
        image = read_view(view)
        hits = [hit for hit in self._grounder.locate(image, self._phrases) if hit.score > 0]
        self._sightings.see(view, told, hits, image.shape[1])
        if self._plan and apart(self._plan[0], told) <= CENTRED_DEGREES:
            self._plan.pop(0)
        if self._centring is not None:
            self._confirm(self._centring, told)

    def _new_plan(self, view: View) -> list[BenchmarkAngles]:
        across = math.degrees(view.horizontal_fov)
        half_height = math.tan(view.horizontal_fov / 2) * view.height / view.width
        plan = scan_plan(
            self._task.start.yaw, across, 2 * math.degrees(math.atan(half_height)),
            self._task.kind)
        self._beyond_level = sum(1 for direction in plan if direction.pitch)
        return plan

    def _confirm(self, candidate: Sighting, told: BenchmarkAngles) -> None:
        """Judge the thing the gaze was turned to by this better look at it."""
        seen = self._sightings.near(told, max(2 * CENTRED_DEGREES, candidate.radius))
        if candidate in self._sightings.all and seen is not candidate:
            candidate.score *= FADED  # it does not look like that from here
            candidate.looked_at = True
        if seen is not None and apart(seen.direction, told) <= CENTRED_DEGREES:
            seen.looked_at = True
        self._centring = None

    def _decide(self, observation: Observation) -> Decision:
        told, left = observation.told, observation.turns_left
        best = self._best()
        if best is not None and (left == 1 or self._is_confirmed(best, told)):
            here = self._sightings.near(told, CENTRED_DEGREES)
            return self._submit(here or best, told)
        step = self._next_step(observation)
        if step is not None:
            return step
        if best is None:
            nothing = f'nothing in the views looks like it: {self._task.instruction}'
            return Decision(f'<think>{nothing}</think>', not_found=True)
        if apart(best.direction, told) <= CENTRED_DEGREES:
            return self._submit(best, told)
        return self._centre(best, told)

    def _best(self, unseen_only: bool = False) -> Sighting | None:
        """Return the best sighting that is worth anything."""
        best = self._sightings.best(unseen_only)
        return best if best is not None and best.score >= self._worth.least else None

    def _next_step(self, observation: Observation) -> Decision | None:
        """Return the next turn while there is something left to look at and time for it."""
        told, plan = observation.told, self._plan or []
        unseen = self._best(unseen_only=True)
        score = 0.0 if unseen is None else unseen.score
        free = observation.turns_left > CLOSING_TURNS
        on_level = len(plan) > self._beyond_level
        if unseen is not None and free and score >= (
                self._worth.striking if on_level else self._worth.likely):
            return self._centre(unseen, told)
        if plan and free:
            return self._turn(f'looking around for {self._phrases[0]}', told, plan.pop(0))
        best = self._best()
        if unseen is not None and best is not None and free and (
                score >= RIVAL_SHARE * best.score):
            return self._centre(unseen, told)
        return None

    def _is_confirmed(self, sighting: Sighting, told: BenchmarkAngles) -> bool:
        return (sighting.looked_at and sighting.score >= self._worth.confirmed
                and apart(sighting.direction, told) <= CENTRED_DEGREES)

    def _centre(self, sighting: Sighting, told: BenchmarkAngles) -> Decision:
        where = turn_words(told, sighting.direction)
        self._centring = sighting
        if rotation(told, sighting.direction) == (0, 0):
            sighting.looked_at = True
            return self._submit(sighting, told)
        thought = f'perhaps {sighting.phrase} ({sighting.score:.2f}), {where}: centring on it'
        return self._turn(thought, told, sighting.direction)

    @staticmethod
    def _turn(thought: str, told: BenchmarkAngles, goal: BenchmarkAngles) -> Decision:
        return rotate_decision(thought, *rotation(told, goal))

    @staticmethod
    def _submit(sighting: Sighting, told: BenchmarkAngles) -> Decision:
        """Answer with the present direction where the thing is centred, else with the thing's."""
        centred = apart(sighting.direction, told) <= CENTRED_DEGREES
        answer = (told if centred else sighting.direction).whole()
        thought = f'{sighting.phrase} ({sighting.score:.2f}) is there'
        return submit_decision(thought, int(answer.yaw), int(answer.pitch))


class GroundingPlanner:
    """
    Search with a grounder: scan, centre, confirm, submit; the best sighting at the turn limit.

    It answers ``not_found`` when nothing in any view scored. What it can find is what its
    grounder can.
    """

    answer_format = 'free_think'

    def __init__(self, grounder: Grounder, *, name: str) -> None:
        self.name = name
        self._grounder = grounder

    @property
    def looks_with(self) -> dict[str, Any]:
        """Return what a run's record says of the grounder: its thresholds, its files' hashes."""
        files: Sequence[Path] = getattr(self._grounder, 'files', ())
        return {
            'thresholds': asdict(self._grounder.thresholds),
            'files_sha256': {path.name: _sha256(path) for path in files}}

    def begin(self, task: Task) -> GroundingSearch:
        """Start a search."""
        return GroundingSearch(task, self._grounder)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open('rb') as held:
        while piece := held.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
