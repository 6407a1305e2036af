# SPDX-License-Identifier: Apache-2.0
"""A run's rates as CSV: one line a group, numbers as numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import csv
import io
from typing import Any

from hvs_ros.evaluation.benchmark_table import model_name
from hvs_ros.evaluation.cards import visible
from hvs_ros.evaluation.results import Results

COLUMNS = (
    'run', 'model', 'profile', 'group', 'name', 'status', 'success', 'low', 'high', 'method',
    'successes', 'scored', 'total', 'clusters', 'design_effect', 'naive_low', 'naive_high',
    'bound_low', 'bound_high', 'chance')
GROUPS = ('by_split', 'by_level', 'by_scene')


def spreadsheet(results: Results, allow_incomplete: bool = False) -> str:
    """
    Return CSV with a header line; shares lie in [0, 1], and what is unknown is empty.

    Raise ``IncompleteError`` while episodes are not scored, unless ``allow_incomplete``: a group
    that is not whole has then the status ``incomplete``, bounds, and no success.
    """
    results.require_headline('the csv table', allow_incomplete)
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator='\n')
    writer.writeheader()
    writer.writerows(_rows(results))
    return text.getvalue()


def _rows(results: Results) -> Iterator[dict[str, Any]]:
    same = {
        'run': as_text(results.name), 'model': as_text(model_name(results)),
        'profile': results.profile}
    driving = results.driving
    yield {**same, 'group': 'overall', 'name': 'overall', **_cell(driving['overall'])}
    for group in GROUPS:
        for name, cell in driving[group].items():
            yield {**same, 'group': group, 'name': as_text(name), **_cell(cell)}


def _cell(cell: Mapping[str, Any]) -> dict[str, Any]:
    bounds = {
        'scored': cell['scored'], 'total': cell['total'], 'bound_low': cell['bounds']['low'],
        'bound_high': cell['bounds']['high'], 'chance': cell['chance']}
    if cell['scored'] < cell['total']:
        return {'status': 'incomplete', **bounds}
    rate = cell['success']
    return {
        'status': 'complete', **bounds, 'success': rate['value'], 'low': rate['low'],
        'high': rate['high'], 'method': rate['method'], 'successes': rate['successes'],
        'clusters': rate['clusters'], 'design_effect': rate['design_effect'],
        'naive_low': rate['naive']['low'], 'naive_high': rate['naive']['high']}


def as_text(value: object) -> str:
    """Return text that no spreadsheet program takes for a formula."""
    text = ' '.join(visible(value).split())
    return f"'{text}" if text.startswith(('=', '+', '-', '@')) else text
