# SPDX-License-Identifier: Apache-2.0
"""A run as one page: report.html, which needs nothing but a browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
import json
from pathlib import Path
from typing import Any

import jinja2

from hvs_ros.core.errors import HvsError
from hvs_ros.core.panorama import PanoramaFile
from hvs_ros.evaluation.config import EvalConfig, load_selected
from hvs_ros.evaluation.figures import Pictures, gaze_path
from hvs_ros.evaluation.metrics import compute_metrics, level_name
from hvs_ros.evaluation.records import read_manifest, read_records, write_atomically
from hvs_ros.evaluation.tables import (
    comparison_rows,
    headline,
    method_words,
    outcome_words,
    percent,
    quirk_lines,
    score_rows,
)

METRICS = 'metrics.json'
REPORT = 'report.html'
MOST_STRIPS = 200
TEMPLATES = Path(__file__).parent / 'templates'
Record = Mapping[str, Any]


def derive(
        run: Path | str, episodes: Path | str | None = None,
        most_strips: int = MOST_STRIPS) -> dict[str, Any]:
    """
    Write metrics.json and report.html anew from a run's lines and return the metrics.

    ``episodes`` is where the dataset lies now, None for where it lay during the run. Without
    panoramas the report has no pictures and says why.
    """
    folder = Path(run)
    manifest, records = read_manifest(folder), read_records(folder)
    metrics = compute_metrics(manifest, records)
    write_atomically(folder / METRICS, json.dumps(metrics, indent=1) + '\n')
    page = build_page(folder.name, manifest, records, metrics, episodes, most_strips)
    write_atomically(folder / REPORT, page)
    return metrics


def build_page(
        name: str, manifest: Mapping[str, Any], records: Sequence[Record],
        metrics: Mapping[str, Any], episodes: Path | str | None = None,
        most_strips: int = MOST_STRIPS) -> str:
    """Return the page's HTML; every text of a model or a file is escaped."""
    config = EvalConfig.from_dict(manifest['config'])
    files, missing = _panoramas(manifest, config, episodes)
    pictures = Pictures(files, config.view)
    shown = choose_shown(records, most_strips)
    cards = [_card(record, pictures) for record in shown]
    told = {(record['id'], record['repeat']) for record in shown}
    return _template().render(
        name=name, manifest=manifest, config=config, metrics=metrics,
        headline=headline(metrics), scores=_bars(metrics), comparison=comparison_rows(metrics),
        quirks=quirk_lines(metrics), outcomes=outcome_words(metrics),
        method=method_words(metrics['profiles'][metrics['profile']]['overall']['success']),
        cards=cards, panoramas=pictures.embedded(), problems=[*missing, *pictures.problems],
        rest=[r for r in records if (r['id'], r['repeat']) not in told], count=len(records))


def choose_shown(records: Sequence[Record], most: int) -> list[Record]:
    """
    Return the episodes told in full: all of them where they are few.

    Else whatever is no success comes first, and each kind is thinned evenly to what fits.
    """
    if len(records) <= most:
        return list(records)
    lost = [record for record in records if record['outcome'] != 'success']
    won = [record for record in records if record['outcome'] == 'success']
    first = _evenly(lost, most)
    chosen = [*first, *_evenly(won, most - len(first))]
    return sorted(chosen, key=lambda record: (record['id'], record['repeat']))


def _evenly(records: Sequence[Record], most: int) -> list[Record]:
    if len(records) <= most:
        return list(records)
    return [records[index * len(records) // most] for index in range(most)]


def _panoramas(
        manifest: Mapping[str, Any], config: EvalConfig,
        episodes: Path | str | None) -> tuple[dict[str, PanoramaFile], list[str]]:
    """Return (panorama file by episode id, sentences on why there are none)."""
    if episodes is not None:
        config = replace(config, episodes=str(episodes))
    try:
        loaded = load_selected(config)
    except HvsError as error:
        return {}, [f'The panoramas of this run were not found, so there are no pictures: {error}']
    if loaded.dataset_sha256 != manifest['episodes']['dataset_sha256']:
        return {}, [f'{config.episodes} is not the dataset of this run, so there are no pictures.']
    return {episode.id: episode.panorama for episode in loaded}, []


def _card(record: Record, pictures: Pictures) -> dict[str, Any]:
    strip = pictures.strip(record)
    return {
        'record': record, 'level': level_name(record).partition('/')[2],
        'panorama': pictures.panorama_number(record), 'path': gaze_path(record),
        'answer': action_words({'type': 'submit', **_named(record['answer'])})
        if record['answer'] else '',
        'off': record['errors']['gaze']['window'],
        'turns': [
            {**turn, 'words': _turn_words(turn),
             'picture': strip[place] if place < len(strip) else None}
            for place, turn in enumerate(record['turns'])]}


def _turn_words(turn: Mapping[str, Any]) -> str:
    return 'gives up' if turn['not_found'] else action_words(turn['action'])


def action_words(action: Mapping[str, Any]) -> str:
    """Return an action as a person reads it."""
    if action['type'] == 'rotate':
        return f'rotate({_short(action["dyaw"])}, {_short(action["dpitch"])})'
    if action['type'] == 'submit':
        return f'submit({_short(action["yaw"])}, {_short(action["pitch"])})'
    return f'invalid: {action["reason"]}'


def _named(answer: Sequence[float]) -> dict[str, float]:
    return {'yaw': answer[0], 'pitch': answer[1]}


def _short(number: float) -> str:
    text = str(number)
    return text if len(text) <= 12 else f'{text[:8]}…'


def _bars(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the score table together with what their bars draw, in percent."""
    driving = metrics['profiles'][metrics['profile']]
    cells = [driving['overall'], *driving['by_split'].values(), *driving['by_level'].values()]
    return [
        {'row': row, 'value': _hundred(cell['success']['value']),
         'low': _hundred(cell['success']['low']), 'high': _hundred(cell['success']['high']),
         'chance': _hundred(cell['chance']), 'method': method_words(cell['success'])}
        for row, cell in zip(score_rows(metrics), cells, strict=True)]


def _hundred(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 2)


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters['percent'] = percent
    return environment.get_template('report.html.j2')
