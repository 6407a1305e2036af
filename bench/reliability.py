# SPDX-License-Identifier: Apache-2.0
"""
Play every fault of a model server against the whole graph; write the table of docs/reliability.md.

    python bench/reliability.py
"""

from __future__ import annotations

import math
import os
from pathlib import Path
import platform
import re
import sys

REPOSITORY = Path(__file__).resolve().parents[1]
for folder in ('ros', 'planners', 'evaluation'):
    sys.path.append(str(REPOSITORY / 'test' / folder))
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'

from fault_graph import FAULTS, Seen, running  # noqa: E402 - see the path above
from fault_server import Fault  # noqa: E402

GIVE_UP_S, FIRST_WORDS_S = 6.0, 1.5
PAGE = REPOSITORY / 'docs' / 'reliability.md'
MARK = re.compile(r'(<!-- table: faults -->\n).*?(<!-- end -->)', re.DOTALL)
TITLES = """\
| fault | the server | outcome | motion | diagnostics | recovery |
|---|---|---|---|---|---|
"""


def main() -> int:
    """Play every fault and write the table."""
    rows = []
    page = PAGE.read_text(encoding='utf-8')
    if not MARK.search(page):
        raise SystemExit(f'{PAGE}: the marks of the table are missing')
    with running(1 + os.getpid() % 100, GIVE_UP_S, FIRST_WORDS_S) as graph:
        for fault in FAULTS.values():
            seen = graph.play(fault)
            rows.append(row(fault, seen))
            print(rows[-1], flush=True)
    where = f'{os.cpu_count()} shared {platform.machine()} cores'
    figures = f'\nFigures: {where}, Python {platform.python_version()}.\n'
    table = TITLES + ''.join(f'{line}\n' for line in rows) + figures
    PAGE.write_text(
        MARK.sub(lambda mark: mark[1] + table + mark[2], page), encoding='utf-8')
    return 0


def row(fault: Fault, seen: Seen) -> str:
    """Return the fault's line of the table."""
    neck, body = math.degrees(seen.neck_rad), math.degrees(seen.body_rad)
    motion = 'none' if neck + body < 1e-3 else f'neck {neck:.0f}°, body {body:.0f}°, inside limits'
    if not seen.inside_limits:
        motion = 'OUTSIDE LIMITS'
    outcome = f'`{seen.outcome}` after {seen.took_s:.1f} s'
    if seen.turns:
        outcome += f', {seen.turns} turns'
    recovery = seen.crashed or (
        'the reply counts' if fault.valid else f'{seen.recovery_s:.2f} s, {seen.recovered_by}')
    cells = (fault.name, fault.does, outcome, motion, said(seen), recovery)
    return f'| {" | ".join(cell.replace("|", "/") for cell in cells)} |'


def said(seen: Seen) -> str:
    """Return why the server does not answer, in the words of diagnostics or of the result."""
    told = seen.told[-1] if seen.told else seen.reason if seen.outcome == 'error' else ''
    why = told.partition(' did not answer: ')[2] or told
    why = why.partition(' You sent')[0]
    level = 'warning' if seen.told else 'result'
    return f'{level}: {why}' if why else 'well: it answered'


if __name__ == '__main__':
    sys.exit(main())
