# SPDX-License-Identifier: Apache-2.0
"""Searches of procedural scenes without files: what the built-in planner is scored on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
import math
from typing import Any

import cv2
import numpy as np
import simplejpeg

from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.profile import get_profile
from hvs_ros.core.renderer import Renderer, ViewSpec, encode_jpeg
from hvs_ros.core.scoring import Target, angular_errors, strict_success
from hvs_ros.core.search import SearchSession, Task
from hvs_ros.learning.disturb import noisy
from hvs_ros.planners.base import Planner
from hvs_ros.scenes.annotation import STARTS
from hvs_ros.scenes.generator import OBJECT_LAYOUTS, Made, Order, make_scene
from hvs_ros.scenes.instructions import Named, object_sentence
from hvs_ros.scenes.scene import Scene, draw_scene
from hvs_ros.scenes.stage import Stage
from hvs_ros.scenes.things import COLOURS, KINDS

PROFILE = 'strict'
MAX_TURNS = 10
Disturb = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Trial:
    """
    Hold one search: a panorama, a sentence, a start yaw, and where the answer lies.

    ``target`` None: nothing in the scene answers the sentence. ``other`` is a target that the
    sentence does not mean.
    """

    scene: str
    image: np.ndarray
    task: Task
    target: Target | None
    other: Target | None = None
    level: int | None = None


@dataclass(frozen=True)
class Outcome:
    """Say how a trial ended; angles in degrees, None where there was no answer or no target."""

    scene: str
    success: bool
    other: bool
    not_found: bool
    inside: bool
    error: float | None
    turns: int
    level: int | None


def target_of(item: dict[str, Any]) -> Target:
    """Return the target of an annotation item."""
    kind = 'object' if 'pitch' in item else 'path'
    pitch = tuple(item['pitch']) if 'pitch' in item else None
    return Target(kind, tuple(item['yaw']), pitch)  # type: ignore[arg-type]


def trials_of(made: Made, starts: tuple[int, ...] = STARTS) -> Iterator[Trial]:
    """Yield the trials of each item of a scene, the next item its ``other``."""
    for number, item in enumerate(made.items):
        target = target_of(item)
        other = made.items[(number + 1) % len(made.items)]
        for start, level in zip(starts, item['level'], strict=True):
            task = Task(f'{made.name}/{number}/{start}', target.kind, item['task'],
                        BenchmarkAngles(start, 0))
            yield Trial(made.name, made.image, task, target,
                        target_of(other) if other is not item else None, level)


def is_apart(trial: Trial) -> bool:
    """Return whether no direction answers both the sentence and the thing it does not mean."""
    return trial.target is not None and trial.other is not None and not (
        strict_success(trial.other, trial.target.centre)
        or strict_success(trial.target, trial.other.centre))


def ordered(order: Order) -> Iterator[Made]:
    """Yield the scenes of an order."""
    for index, layout, path in order.plan():
        yield make_scene(order, index, layout, path)


def absent_trials(made: Made) -> Iterator[Trial]:
    """Yield searches for a pair that the scene does not hold, of parts that it does."""
    scene = made.scene
    there = {thing.pair for thing in scene.stage.things}
    colours = sorted({thing.colour for thing in scene.things})
    kinds = sorted({thing.kind for thing in scene.things})
    pairs = [(colour, kind) for colour in colours for kind in kinds
             if f'{colour} {kind}' not in there
             and scene.stage.allowed.may('pair', f'{colour} {kind}')]
    if not pairs:
        pairs = [(colour, kind) for colour in COLOURS for kind in KINDS
                 if f'{colour} {kind}' not in there
                 and scene.stage.allowed.may('pair', f'{colour} {kind}')]
    colour, kind = pairs[int(scene.stage.rng.integers(len(pairs)))]
    sentence = object_sentence(
        scene.stage.rng, scene.stage.allowed, Named(colour, kind, KINDS[kind].others))
    for start in STARTS:
        yield Trial(made.name, made.image, Task(
            f'{made.name}/absent/{start}', 'object', sentence, BenchmarkAngles(start, 0)), None)


def contrast_trials(order: Order, index: int) -> list[Trial]:
    """
    Return the trials of a contrast pair in one scene, empty where none came about.

    'The red cup left of the blue box' and 'the blue cup left of the red box': the same words in
    another order, both true.
    """
    layout = OBJECT_LAYOUTS[index % len(OBJECT_LAYOUTS)]
    said: list[tuple[str, str, str, str]] = []

    def arrange(stage: Stage) -> None:
        said.clear()
        kinds = [kind for kind in stage.kinds() if KINDS[kind].places & {'floor', 'street'}
                 and KINDS[kind].reach < 0.5]
        for _ in range(30):
            one, two = stage.rng.permutation(sorted(kinds))[:2].tolist()
            first, second = stage.rng.permutation(list(COLOURS))[:2].tolist()
            if not all(stage.allowed.may('pair', f'{colour} {kind}')
                       for colour in (first, second) for kind in (one, two)):
                continue
            if stage.place_beside([(first, one), (second, two)]) and stage.place_beside(
                    [(second, one), (first, two)]):
                said.append((first, one, second, two))
                break
        stage.furnish(14)

    size = order.size.width, order.size.height
    for attempt in range(6):
        scene = draw_scene(
            layout, order.seed_of(index), order.allowed, size, attempt=attempt, arrange=arrange)
        if said:
            trials = list(_contrast(scene, f'contrast_{index:04d}', *said[0]))
            if trials:
                return trials
    return []


def _contrast(
        scene: Scene, name: str, first: str, one: str, second: str, two: str) -> Iterator[Trial]:
    pairs = {thing.pair: thing for thing in scene.clear}
    wanted = [pairs.get(f'{colour} {one}') for colour in (first, second)]
    if None in wanted:
        return
    windows = [Target('object', scene.things[thing].yaw, scene.things[thing].pitch)
               for thing in wanted if thing is not None]
    for k, (near, far) in enumerate(((first, second), (second, first))):
        sentence = f'Find the {near} {one} left of the {far} {two}'
        for start in STARTS:
            yield Trial(name, scene.picture.image, Task(
                f'{name}/{k}/{start}', 'object', sentence, BenchmarkAngles(start, 0)),
                windows[k], windows[1 - k])


def blank(image: np.ndarray) -> np.ndarray:
    """Return a view of nothing."""
    return np.full_like(image, 127)


def disturbances(seed: int = 0) -> dict[str, Disturb]:
    """Return what the disturbed rows of the table do to a (h, w, 3) view."""
    rng = np.random.default_rng(seed)
    return {
        'JPEG 40': lambda image: _shown(encode_jpeg(image, 40)),
        'blur': lambda image: cv2.GaussianBlur(image, (0, 0), image.shape[1] / 640),
        'noise': lambda image: noisy(rng, image, 10.0),
        'brightness +30%': lambda image: cv2.convertScaleAbs(image, alpha=1.3),
        'brightness -30%': lambda image: cv2.convertScaleAbs(image, alpha=0.7),
    }


def _shown(jpeg: bytes) -> np.ndarray:
    return np.asarray(simplejpeg.decode_jpeg(jpeg, 'BGR'))


class Arena:
    """Carry out trials with one planner; its views are ``width`` wide and perhaps disturbed."""

    def __init__(
            self, planner: Planner, width: int = 1280, disturb: Disturb | None = None,
            roll_deg: float = 0.0) -> None:
        self._planner, self._disturb = planner, disturb
        self._roll = math.radians(roll_deg)
        self._renderer = Renderer(ViewSpec(width, width * 9 // 16))

    def run(self, trial: Trial) -> Outcome:
        """Carry out one search."""
        session = SearchSession(
            trial.task, get_profile(PROFILE), self._planner.answer_format, MAX_TURNS)
        search = self._planner.begin(trial.task)
        while session.result is None:
            observation = session.observe(self._view(trial.image, session))
            session.decide(search.act(observation))
        search.close()
        return self._outcome(trial, session)

    def _view(self, image: np.ndarray, session: SearchSession) -> Any:
        view = self._renderer.view(
            image, session.goal.to_gaze(), len(session.turns), self._roll)
        if self._disturb is None:
            return view
        return replace(view, jpeg=encode_jpeg(self._disturb(_shown(view.jpeg))))

    @staticmethod
    def _outcome(trial: Trial, session: SearchSession) -> Outcome:
        result = session.result
        assert result is not None
        profile = get_profile(PROFILE)
        submitted = result.answer is not None

        def succeeds(target: Target | None) -> bool:
            return submitted and target is not None and bool(
                profile.succeeds(target, result.answer, result.pose))

        error, inside = None, False
        if submitted and trial.target is not None:
            errors = angular_errors(trial.target, result.pose)
            error, inside = errors.centre, errors.window == 0.0
        return Outcome(
            trial.scene, succeeds(trial.target), succeeds(trial.other),
            result.status == 'not_found', inside, error, result.turns, trial.level)


__all__ = ['Arena', 'Outcome', 'Trial', 'absent_trials', 'blank', 'contrast_trials',
           'disturbances', 'is_apart', 'ordered', 'target_of', 'trials_of']
