# SPDX-License-Identifier: Apache-2.0
"""A run as one page that needs nothing but a browser, whatever a model wrote."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
import hashlib
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from hvs_ros.evaluation.benchmark_table import ABOUT, COLUMNS, NOTES, benchmark_rows
from hvs_ros.evaluation.blocks import PAGE_BYTES, AssetFiles, InertBlocks
from hvs_ros.evaluation.cards import choose_shown, extremes, heading, visible
from hvs_ros.evaluation.config import EvalConfig
from hvs_ros.evaluation.curve import turn_curve
from hvs_ros.evaluation.episodes_shown import fill
from hvs_ros.evaluation.groups import SPLIT_WORDS
from hvs_ros.evaluation.panorama_files import PanoramaFiles, find_panoramas
from hvs_ros.evaluation.results import Results
from hvs_ros.evaluation.run_files import record_key
from hvs_ros.evaluation.tables import (
    comparison_rows,
    headline,
    interval,
    method_words,
    percent,
    quirk_lines,
    score_rows,
)

EMBED = 500
TEMPLATES = Path(__file__).parent / 'templates'
MOST_LISTED = 20_000
"""Above this only the episodes told in full are listed: a page is no data base."""
_LISTED_BYTES = 1_500
"""What the page says of every episode in its list, generously."""


@dataclass(frozen=True)
class PageOptions:
    """
    Say what a page holds.

    ``embed`` is how many episodes it tells in full; ``assets`` the folder for all of them as
    files, None to keep them in the page; ``episodes`` where the dataset lies now.
    """

    embed: int = EMBED
    assets: Path | None = None
    images: bool = True
    episodes: Path | str | None = None


def page(results: Results, path: Path, options: PageOptions) -> Iterator[str]:
    """Yield the parts of the page that will stand at ``path``; every foreign text is escaped."""
    records, config = results.records, EvalConfig.from_dict(results.manifest['config'])
    numbers = {record_key(record): number for number, record in enumerate(records)}
    store: InertBlocks | AssetFiles
    if options.assets is None:
        store, most = InertBlocks(PAGE_BYTES - _frame_bytes(len(records))), options.embed
    else:
        store, most = AssetFiles(options.assets, path), len(records)
    chosen = choose_shown(records, most, config.seed)
    found = PanoramaFiles()
    if options.images:
        found = find_panoramas(results.manifest, records, options.episodes)
    shown = fill(store, numbers, chosen, found, config.view)
    listed = records if len(records) <= MOST_LISTED else chosen.records
    worst, best = extremes(records)
    template, style, script = _environment().get_template('report.html.j2'), *_inline()
    yield from template.generate(
        name=results.name, manifest=results.manifest, config=config, metrics=results.metrics,
        headline=headline(results.metrics), scores=_bars(results.metrics), options=options,
        rows=benchmark_rows(results), groups=_groups(), edges=_edges(), about=ABOUT,
        table_notes=NOTES,
        curve=turn_curve(results.metrics), comparison=comparison_rows(results.metrics),
        quirks=quirk_lines(results.metrics), outcomes=_outcomes(results.metrics),
        method=method_words(results.driving['overall']['success']),
        reasons=Counter(error['reason'] for error in results.metrics['errors']).most_common(12),
        chosen=chosen, shown=shown, told=len(shown.stories), problems=shown.problems,
        cards=(heading(record, numbers[record_key(record)]) for record in listed),
        listed=len(listed),
        worst=[heading(record, numbers[record_key(record)]) for record in worst],
        best=[heading(record, numbers[record_key(record)]) for record in best],
        splits=SPLIT_WORDS, levels=_levels(results), count=len(records), blocks=store,
        style=style, script=script, policy=_policy(style, script, options.assets is not None),
        assets=store.url if isinstance(store, AssetFiles) else '')


def _frame_bytes(episodes: int) -> int:
    """Return what a page comes to without the episodes that it tells in full, generously."""
    return 400_000 + _LISTED_BYTES * min(episodes, MOST_LISTED)


def _inline() -> tuple[Markup, Markup]:
    """Return the page's style sheet and script, which are ours and hold no foreign text."""
    return tuple(  # type: ignore[return-value]
        Markup((TEMPLATES / name).read_text(encoding='utf-8'))
        for name in ('report.css', 'report.js'))


def _policy(style: str, script: str, assets: bool) -> str:
    """
    Return the page's content security policy.

    Nothing is fetched and no script runs but the page's own, known by its hash; with assets,
    those beside the page, too.
    """
    beside = " 'self' file:" if assets else ''
    return (
        f"default-src 'none'; img-src data:{beside}; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}'{beside}; base-uri 'none'; form-action 'none'")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return 'sha256-' + base64.b64encode(digest).decode('ascii')


def _groups() -> list[tuple[str, list[str]]]:
    """Return (kind of search, its columns) of the headline table."""
    return [
        (word, [level for split, level in COLUMNS if split == key])
        for key, word in SPLIT_WORDS.items()]


def _edges() -> list[int]:
    """Return the columns of the headline table that a group begins with."""
    return [place for place, (_, level) in enumerate(COLUMNS) if level == 'overall']


def _levels(results: Results) -> list[str]:
    return list(dict.fromkeys(
        name.partition('/')[2] for name in results.driving['by_level']))


def _outcomes(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the outcomes that occurred, with their share of all searches in percent."""
    begin, rows = 0.0, []
    for name, count in metrics['outcomes'].items():
        if count:
            share = 100 * count / metrics['total']
            rows.append({'name': name, 'count': count, 'share': share, 'begin': begin})
            begin += share
    return rows


def _bars(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the score table together with what their bars draw, in percent."""
    driving = metrics['profiles'][metrics['profile']]
    cells = [driving['overall'], *driving['by_split'].values(), *driving['by_level'].values()]
    return [
        {'row': row, 'value': _hundred(cell['success']['value']),
         'low': _hundred(cell['success']['low']), 'high': _hundred(cell['success']['high']),
         'chance': _hundred(cell['chance']), 'method': method_words(cell['success']),
         'incomplete': cell['scored'] < cell['total'],
         'bounds': [_hundred(cell['bounds'][end]) for end in ('low', 'high')]}
        for row, cell in zip(score_rows(metrics), cells, strict=True)]


def _hundred(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 2)


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters.update(percent=percent, interval=interval, visible=visible)
    return environment
