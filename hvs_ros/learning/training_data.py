# SPDX-License-Identifier: Apache-2.0
"""
Which datasets may be trained on: those that say so.

A number from a model that was trained on the test panoramas is worth nothing, and nothing in a
benchmark folder says that it is one. So every dataset counts as a benchmark unless all of it is
training data by its own account: each folder of scenes holds a ``dataset.json`` with
``{"split": "train"}`` (``hvs scenes --split train`` writes it), or every start has an
``overlap_rate``, which only the published sets for reinforcement learning have.
"""

from __future__ import annotations

import json
from pathlib import PurePosixPath

from hvs_ros.core.episode import ANNOTATION, Episodes
from hvs_ros.core.errors import InputError
from hvs_ros.core.storage import StoredFile, list_files

DECLARATION = 'dataset.json'


def why_training_data(episodes: Episodes) -> str:
    """Return how the dataset says that it is for training, empty when it does not."""
    if all(episode.overlap_rate is not None for episode in episodes):
        return 'every start has an overlap_rate'
    files = list_files(episodes.root, ANNOTATION)
    roots = {
        PurePosixPath(name).parent.parent for name in files
        if PurePosixPath(name).name == ANNOTATION}
    declared = [_declared(files.get((root / DECLARATION).as_posix())) for root in roots]
    if declared and all(split == 'train' for split in declared):
        return f'{DECLARATION} says so'
    return ''


def refuse_benchmark(episodes: Episodes, what: str) -> None:
    """Raise ``InputError`` unless the dataset says that it is for training."""
    if not why_training_data(episodes):
        raise InputError(
            f'{episodes.root} does not say that it is training data, so it counts as a '
            f'benchmark, and {what} would spoil every number measured on it; say '
            f'{{"split": "train"}} in a {DECLARATION} beside its scenes, or --allow-benchmark')


def _declared(file: StoredFile | None) -> str | None:
    if file is None:
        return None
    try:
        content = json.loads(file.read())
    except ValueError as error:
        raise InputError(f'{file.name} is not JSON: {error}') from error
    split = content.get('split') if isinstance(content, dict) else None
    if split not in ('train', 'val', 'test'):
        raise InputError(f"{file.name}: 'split' must be train, val or test, not {split!r}")
    return str(split)
