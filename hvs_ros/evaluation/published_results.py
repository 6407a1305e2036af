# SPDX-License-Identifier: Apache-2.0
"""
The published results of the benchmark, and what keeps a run from being compared with them.

The numbers are those of arXiv 2511.20351 and of the benchmark's authors for later checkpoints,
in percent. A profile marked as inferred follows from a row's date: the rows of 2025-11 were made
before the lenient parser was published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from hvs_ros.evaluation.results import Results
from hvs_ros.planners.asking import Asking

CONTEXT = '5 views, 4 answers'
IMAGES = 'JPEG 85, 1920x1080'
NOT_SAID = 'not said'
MAX_TURNS = 10
FIELD_OF_VIEW = 100
SAMPLING = {
    'temperature': 0, 'max_tokens': 1024, 'presence_penalty': 0, 'frequency_penalty': 0,
    'seed': None}
PROMPT_TEXTS = {'ed7cdf331267c9db195b84aab4d2a77d1a76e38848b39f0b8621838dee4eec40'}
"""Hashes of the published think + answer texts as `hvs prompts import` takes them from a clone;
they have not changed since the first release. The texts themselves are not shipped."""


@dataclass(frozen=True)
class PublishedRow:
    """
    Hold one published row: success in percent, overall and by level, None where not published.

    ``profile_inferred`` says that the profile follows from the date and is not stated.
    """

    model: str
    hos: tuple[float | None, ...]
    hps: tuple[float | None, ...]
    profile: str
    release: str
    context: str = CONTEXT
    images: str = IMAGES
    profile_inferred: bool = True
    note: str = ''


_NOT_WHOLE = 'its cells by level do not correspond to whole counts of episodes'
_FIRST = 'jpg, 2025-11'
_LATER = f'{NOT_SAID} (jpg, or png since 2026-02)'
ROWS = (
    PublishedRow('Qwen2.5-VL-3B', (14.83, 27.97, 13.07, 10.01),
                 (6.44, 7.00, 8.77, 4.91, 3.24), 'published-2025', _FIRST),
    PublishedRow('GPT-4o', (19.75, 18.17, 17.35, 20.92), (23.69, 26.80, 22.59, 26.17, 13.89),
                 'published-2025', _FIRST, NOT_SAID, NOT_SAID, note=_NOT_WHOLE),
    PublishedRow('Gemini 2.5 Pro', (31.96, 33.58, 23.78, 32.13),
                 (33.00, 41.60, 29.39, 35.75, 15.28), 'published-2025', _FIRST, 'full history',
                 '1568 px', note=_NOT_WHOLE),
    PublishedRow('HVS-3B (SFT)', (40.83, 53.82, 23.86, 37.73),
                 (23.00, 28.00, 23.03, 21.26, 14.81), 'published-2025', _FIRST),
    PublishedRow('HVS-3B (SFT + GRPO)', (47.38, 60.49, 24.43, 44.87),
                 (24.94, 34.80, 20.18, 25.00, 12.04), 'published-2025', _FIRST),
    PublishedRow('HVS-4B (SFT)', (54.71, None, None, None), (31.00, None, None, None, None),
                 'published-2026', _LATER),
    PublishedRow('HVS-8B (SFT)', (60.29, None, None, None), (32.87, None, None, None, None),
                 'published-2026', _LATER),
)


@dataclass(frozen=True)
class Protocol:
    """Say how a run was made, in the words of the published rows, and where it left their way."""

    profile: str
    release: str
    context: str
    images: str
    whole_splits: bool
    own_ways: tuple[str, ...] = ()

    def differences(self, row: PublishedRow) -> list[str]:
        """
        Return in which points the run and a published row are not the same protocol.

        A point that either side does not say counts as one that may differ.
        """
        points = {
            'profile': self.profile == row.profile,
            'episodes': self.whole_splits,
            'release': self.release == row.release or not self.whole_splits,
            'context': self.context == row.context,
            'images': self.images == row.images}
        return [*(name for name, same in points.items() if not same), *self.own_ways]


def protocol_of(results: Results) -> Protocol:
    """Return the protocol of a run: what its manifest says, and what its episodes count up to."""
    manifest = results.manifest
    splits = results.metrics['benchmark']['splits'].values()
    return Protocol(
        manifest['config']['profile'], _release(results), _context(results), _images(manifest),
        bool(splits) and all(split['full'] and split['agrees'] for split in splits),
        tuple(name for name, differs in _own_ways(manifest).items() if differs))


def _release(results: Results) -> str:
    """Return the data release as far as it is known: its name, else the kind of its images."""
    named = results.manifest['images'].get('release')
    kinds = sorted({
        record['panorama'].rpartition('.')[2].lower() for record in results.records})
    return str(named) if named else f'{" and ".join(kinds) or "images"}, not named'


def _context(results: Results) -> str:
    config = results.manifest['config']
    asking = _asking(results.manifest)
    if asking is None and not any(record['model'] for record in results.records):
        return 'no model asked'
    policy = asking or Asking(history_turns=config['history_turns'])
    if policy.context == 'append':
        whole = policy.most_images >= config['max_turns']
        return 'full history' if whole else f'history of at most {policy.most_images} views'
    kept = 2 if policy.context == 'two-round' else policy.history_turns
    return f'{kept} view{"s" if kept != 1 else ""}, {kept - 1} answer{"s" if kept != 2 else ""}'


def _asking(manifest: Mapping[str, Any]) -> Asking | None:
    """Return how the run's model was asked, None where the manifest does not say."""
    told = manifest['planner'].get('asking')
    if not isinstance(told, Mapping):
        return None
    known = {entry.name for entry in fields(Asking)}
    return Asking().with_wishes(
        {name: value for name, value in told.items() if name in known}, 'run.json: planner.asking')


def _images(manifest: Mapping[str, Any]) -> str:
    view, asking = manifest['config']['view'], _asking(manifest) or Asking()
    width = asking.image_width or view['width']
    height = asking.image_height or view['height']
    if asking.image_format == 'png':
        return f'PNG, {width}x{height}'
    return f'JPEG {asking.image_quality or view["jpeg_quality"]}, {width}x{height}'


def _own_ways(manifest: Mapping[str, Any]) -> dict[str, bool]:
    """Return what else the published client does in one way only, and whether the run differs."""
    config, planner = manifest['config'], manifest['planner']
    view, sampling = config['view'], planner.get('sampling')
    sampling = sampling if isinstance(sampling, Mapping) else {}
    return {
        'turn limit': config['max_turns'] != MAX_TURNS,
        'view': (view['horizontal_fov'], view['reticle']) != (FIELD_OF_VIEW, True),
        'prompts': planner.get('prompt_texts_sha256') not in PROMPT_TEXTS,
        'sampling': any(
            sampling.get(name, value) != value for name, value in SAMPLING.items()),
        'shortcuts': bool(planner.get('shortcuts'))}
