# SPDX-License-Identifier: Apache-2.0
"""
Play every fault of a model server against the whole graph and write docs/reliability.md anew.

    python bench/reliability.py
"""

from __future__ import annotations

import math
import os
from pathlib import Path
import platform
import sys

REPOSITORY = Path(__file__).resolve().parents[1]
for folder in ('ros', 'planners', 'evaluation'):
    sys.path.append(str(REPOSITORY / 'test' / folder))
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'

from fault_graph import FAULTS, MOST_TURNS, Seen, running  # noqa: E402 - see the path above
from fault_server import Fault  # noqa: E402

GIVE_UP_S, FIRST_WORDS_S = 6.0, 1.5
PAGE = REPOSITORY / 'docs' / 'reliability.md'
HEAD = f"""# When the model's server fails

Each fault below is played by a server over real sockets against the whole graph of `hvs up simulation` in one process: panorama,
renderer, planner, controller, simulated body. First it lasts for one search; then it passes in the middle of another.
`python bench/reliability.py` plays them and writes this page; `test/ros/test_model_faults.py` plays them in every test run.

* **Outcome**: how a search ends under a fault that lasts. `error` is what the model never answered; it names the server and the
  reason. What the model did answer, however useless, costs a turn ({MOST_TURNS} turns here, so that such a search ends `truncated`).
* **Motion** while the fault lasts, in degrees of neck and body. A reply that is no action moves nothing. One that is an action is
  carried out, inside the controller's limits on angles and velocities, which were checked on every command and every measured joint.
* **Diagnostics**: what `/diagnostics` says of `search_planner` meanwhile. From the moment that the model is known to be away no goal is
  republished, so that the controller holds the gaze and stops walking by its own `goal_timeout`.
* **Recovery**: from the moment the fault passed to the end of a search whose next reply submits; the same search where it was still
  waiting, else the next one.

A request is tried again after 0.2 s, 0.4 s, … 5 s. Here `give_up_after` is {GIVE_UP_S:g} s (60 s on robots), `first_token_timeout`
{FIRST_WORDS_S:g} s (20 s), `reply_timeout` {2 * FIRST_WORDS_S:g} s, and streaming, early stop, structured output and re-asking are on, as on robots.

| fault | the server | outcome | motion | diagnostics | recovery |
|---|---|---|---|---|---|
"""
TAIL = """
With several URLs (`openai:MODEL@URL,URL`) the next server is asked at once, and none of this is seen but in diagnostics.

Whatever a sign in the scene or the model itself says, two actions exist, `rotate` and `submit`, and both end in one goal: a direction.
There is no path from words to `cmd_vel`, to a service or to a walking distance; the controller's limits hold for whatever the goal is.

Figures: {machine}, Python {python}.
"""


def main() -> int:
    """Play every fault and write the page."""
    rows = []
    with running(1 + os.getpid() % 100, GIVE_UP_S, FIRST_WORDS_S) as graph:
        for fault in FAULTS.values():
            seen = graph.play(fault)
            rows.append(row(fault, seen))
            print(rows[-1], flush=True)
    cores = os.cpu_count()
    tail = TAIL.format(
        machine=f'{cores} shared {platform.machine()} cores', python=platform.python_version())
    PAGE.write_text(HEAD + ''.join(f'{line}\n' for line in rows) + tail, encoding='utf-8')
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
