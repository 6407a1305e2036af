# SPDX-License-Identifier: Apache-2.0
"""What is derived from a run's lines, made anew each time: metrics.json and report.html."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hvs_ros.evaluation.page import EMBED, PageOptions, page
from hvs_ros.evaluation.results import Results
from hvs_ros.evaluation.run_files import write_atomically

METRICS = 'metrics.json'
REPORT = 'report.html'
USUAL = PageOptions()

__all__ = ['EMBED', 'METRICS', 'REPORT', 'PageOptions', 'derive', 'write_metrics', 'write_page']


def derive(run: Path | str, options: PageOptions = USUAL) -> dict[str, Any]:
    """
    Write metrics.json and report.html anew from a run's lines and return the metrics.

    What is missing of the dataset costs pictures and is named in the page. Raise ``RunError``
    when the folder is no run or cannot be written.
    """
    results = Results.of(run)
    write_metrics(results)
    write_page(results, results.folder / REPORT, options)
    return dict(results.metrics)


def write_metrics(results: Results) -> None:
    """Write metrics.json beside the run's lines."""
    write_atomically(
        results.folder / METRICS, json.dumps(results.metrics, indent=1) + '\n')


def write_page(results: Results, path: Path, options: PageOptions = USUAL) -> None:
    """Write the run's page to ``path``."""
    write_atomically(path, ''.join(page(results, path, options)))
