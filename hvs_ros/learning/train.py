# SPDX-License-Identifier: Apache-2.0
"""From nothing to a model file: draw views, train, calibrate, export, say what it was made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from hvs_ros.core.errors import InputError
from hvs_ros.learning.views import Shard, read_shard, scene_seed, write_cache
from hvs_ros.learning.vocabulary import VOCABULARY
from hvs_ros.scenes.instructions import OBJECT_TEMPLATES, WAY_TEMPLATES
from hvs_ros.scenes.scene import LAYOUTS
from hvs_ros.scenes.splits import Factor, split_of
from hvs_ros.scenes.things import COLOURS, KINDS, style_name

VALIDATION_SCENES = 150
THRESHOLDS = {'striking': 0.8, 'likely': 0.3, 'confirmed': 0.5, 'least': 0.3}


@dataclass(frozen=True)
class Plan:
    """Say where views lie and the model goes, and how much there is of everything."""

    cache: Path
    out: Path
    scenes: int = 2000
    minutes: float = 40.0
    seed: int = 0
    threads: int = 2
    blank: bool = False


def train_and_write(plan: Plan) -> dict[str, Any]:
    """Return the manifest, which is also written beside the model."""
    from hvs_ros.learning import grounder_export as exporting
    from hvs_ros.learning.grounder_training import Recipe, Views, scores, train
    files = list(write_cache(plan.cache, 'train', plan.scenes, plan.threads))
    checked = list(write_cache(plan.cache, 'val', VALIDATION_SCENES, plan.threads))
    views, validation = (Views([_maybe_blank(read_shard(path), plan.blank) for path in group])
                         for group in (files, checked))
    recipe = Recipe(minutes=plan.minutes, seed=plan.seed, threads=plan.threads)
    net = train(views, validation, VOCABULARY, recipe)
    odds, there = exporting.beliefs(net, validation, VOCABULARY)
    temperature = exporting.best_temperature(odds, there)
    about = manifest(plan, asdict(recipe))
    exporting.export(net, plan.out, VOCABULARY, temperature, THRESHOLDS, about)
    told = {
        **about, 'sha256': hashlib.sha256(plan.out.read_bytes()).hexdigest(),
        'bytes': plan.out.stat().st_size, 'temperature': temperature,
        'scores': {**scores(net, validation, VOCABULARY), 'calibration_error': round(
            exporting.calibration_error(odds, there, temperature), 4)}}
    plan.out.with_suffix('.json').write_text(json.dumps(told, indent=1) + '\n', encoding='utf-8')
    return told


def _maybe_blank(shard: Shard, blank: bool) -> Shard:
    return replace(shard, images=np.full_like(shard.images, 127)) if blank else shard


def manifest(plan: Plan, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return which seeds and names the training saw: what a test recomputes disjointness from."""
    return {
        'seeds': [scene_seed('train', 0), scene_seed('train', plan.scenes - 1)],
        'scenes': plan.scenes, 'recipe': dict(recipe), 'names': training_names()}


def training_names() -> dict[str, Sequence[str]]:
    """Return the names of every factor that belong to the split train."""
    names: dict[Factor, Sequence[str]] = {
        'style': [style_name(kind, style) for kind, entry in KINDS.items()
                  for style in entry.styles],
        'pair': [f'{colour} {kind}' for colour in COLOURS for kind in KINDS],
        'layout': [f'{layout}/{plan}' for layout, (_, plans) in LAYOUTS.items() for plan in plans],
        'template': [*OBJECT_TEMPLATES, *WAY_TEMPLATES]}
    kept: dict[str, Sequence[str]] = {
        factor: [name for name in known if split_of(factor, name) == 'train']
        for factor, known in names.items()}
    if not all(kept.values()):
        raise InputError('the split train has lost every name of a factor')
    return kept
