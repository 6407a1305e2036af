# SPDX-License-Identifier: Apache-2.0
"""A progress bar with the running success rate and the number of errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import sys
from types import TracebackType
from typing import Any

from tqdm import tqdm

from hvs_ros.evaluation.outcomes import SCORED

SHOWN_EVERY_S, LOGGED_EVERY_S = 0.1, 30.0
"""A terminal's line moves; a log gets a line now and then."""


class Progress:
    """
    Show how far a run is; counts what earlier sittings finished, too.

    ``add`` takes records, or anything with an ``outcome``. One thread at a time.
    """

    def __init__(
            self, total: int, done: Iterable[Mapping[str, Any]] = (), *,
            shown: bool = True) -> None:
        standing = [record for record in done if record['outcome'] != 'error']
        self._scored = self._successes = self._errors = 0
        self._bar = tqdm(
            total=total, initial=len(standing), unit='episode', file=sys.stderr,
            dynamic_ncols=True, disable=not shown,
            mininterval=SHOWN_EVERY_S if sys.stderr.isatty() else LOGGED_EVERY_S,
            bar_format='{l_bar}{bar:24}{r_bar}')
        for record in standing:
            self._count(record['outcome'])
        self._show()

    def add(self, record: Mapping[str, Any]) -> None:
        """Count one more finished episode."""
        self._count(record['outcome'])
        self._show()
        self._bar.update()

    def line(self, text: str) -> None:
        """Print a line above the bar."""
        self._bar.write(text, file=sys.stderr)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None,
            trace: TracebackType | None) -> None:
        self._bar.close()

    def _count(self, outcome: str) -> None:
        self._scored += outcome in SCORED
        self._successes += outcome == 'success'
        self._errors += outcome == 'error'

    def _show(self) -> None:
        share = f'{100 * self._successes / self._scored:.0f}%' if self._scored else '–'
        text = f'success {share} ({self._successes}/{self._scored})'
        if self._errors:
            text += f', {self._errors} error' + ('s' if self._errors > 1 else '')
        self._bar.set_postfix_str(text, refresh=False)
