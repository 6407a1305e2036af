# SPDX-License-Identifier: Apache-2.0
"""One sitting of an evaluation, from its configuration to its tables, under either driver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
import sys
from typing import Any, Protocol, TextIO

from hvs_ros.core.errors import HvsError
from hvs_ros.core.messages import TurnLine
from hvs_ros.evaluation.cluster import require_ray
from hvs_ros.evaluation.config import EvalConfig, load_selected, load_whole
from hvs_ros.evaluation.direct import Ending, run_direct
from hvs_ros.evaluation.graphs import run_graphs
from hvs_ros.evaluation.manifest import build_manifest, planner_for
from hvs_ros.evaluation.metrics import compute_metrics
from hvs_ros.evaluation.overlap import training_lines, training_overlap
from hvs_ros.evaluation.progress import Progress
from hvs_ros.evaluation.records import RunWriter
from hvs_ros.evaluation.report import METRICS, REPORT, derive
from hvs_ros.evaluation.run_files import LINES, MANIFEST, read_manifest, read_records
from hvs_ros.evaluation.tables import text_tables

OnTurn = Callable[[TurnLine], None]
OnRecord = Callable[[Mapping[str, Any]], None]


class RunStoppedError(HvsError):
    """Say why a run ended before its last episode."""


class GraphDriver(Protocol):
    """
    Run what a run folder still lacks through the live graph, whose replay node writes it.

    ``run`` holds a run.json and is locked by nobody. Of several graphs at once each has a
    ``place`` of its own and a process of its own. ``on_record`` gets every finished search (at
    least id, repeat, outcome and reason), ``on_turn`` every turn, both in order. Return the
    number of the signal that ended it, or 0; raise ``HvsError`` when the graph cannot start or
    gives up. Plugged in by the command line: this package knows no ROS.
    """

    def __call__(
            self, run: Path, on_record: OnRecord, on_turn: OnTurn | None = None, *,
            place: int = 0) -> int:
        """Run the graph until the run folder lacks nothing."""


def evaluate(
        config: EvalConfig, out: Path, *, stream: TextIO, graph: GraphDriver | None = None,
        on_turn: OnTurn | None = None, on_record: OnRecord | None = None,
        bar: bool = True) -> int:
    """
    Start or take up the run in ``out`` and print its tables to ``stream``.

    ``graph`` drives the run when it is given. Return 0 when every episode is scored, 1 when some
    are not (cancelled, or the budget is spent), 128 + n after signal n. Raise ``HvsError`` for
    what the user can mend, errors of a model among it; finished episodes stay on disk in any
    case.
    """
    if config.cluster is not None:
        require_ray()
    planner = planner_for(config)
    notice = getattr(planner, 'notice', '')
    if notice:
        print(f'hvs: {notice}', file=sys.stderr, flush=True)
    episodes = load_selected(config)
    manifest = build_manifest(config, episodes, planner)
    if config.training_sets:
        # Shards tell the same, so that any of them may speak for the whole.
        whole = episodes if config.shard is None else load_whole(config)
        manifest['training_sets'] = training_overlap(
            config.training_sets, whole, _training_sets(out))
        print(*training_lines(manifest['training_sets']), sep='\n', file=stream)
    writer = RunWriter.open(out, manifest)
    with writer:
        writer.refuse_strangers(episode.id for episode in episodes)
        if writer.complete():
            return _finished_before(out, stream)
        with Progress(writer.expected, writer.records(), shown=bar) as progress:
            def note(record: Mapping[str, Any]) -> None:
                progress.add(record)
                if on_record is not None:
                    on_record(record)

            if graph is None:
                ending = run_direct(writer, episodes, planner, note, on_turn)
            elif config.workers > 1:
                ending = run_graphs(writer, episodes, planner, graph, note)
            else:
                # The replay node is the one writer of a graph run.
                writer.close()
                ending = Ending(graph(out, note, on_turn) or None)
    if ending.signal_number:
        print(f'stopped by a signal, every finished episode is on disk; {_go_on(out)}',
              file=stream)
        return 128 + ending.signal_number
    return _conclude(out, ending, config, stream)


def _training_sets(out: Path) -> list[dict[str, Any]]:
    """Return what a run that is taken up again knows of its training sets."""
    if not (out / MANIFEST).exists():
        return []
    return list(read_manifest(out).get('training_sets', []))


def _finished_before(out: Path, stream: TextIO) -> int:
    """Show the tables of a run that lacks nothing; its files are left alone where they stand."""
    lines = (out / LINES).stat().st_mtime
    derived = [out / name for name in (METRICS, REPORT)]
    if all(path.exists() and path.stat().st_mtime >= lines for path in derived):
        metrics = compute_metrics(read_manifest(out), read_records(out))
    else:
        metrics = derive(out)
    print(f'{out}: this run is finished, nothing is left to do', file=stream)
    print(text_tables(metrics), file=stream)
    print(f'Report: {out / REPORT}', file=stream)
    return 0 if metrics['status'] == 'complete' else 1


def _conclude(out: Path, ending: Ending, config: EvalConfig, stream: TextIO) -> int:
    metrics = derive(out)
    print(text_tables(metrics), file=stream)
    print(f'Report: {out / REPORT}', file=stream)
    if ending.reason:
        raise RunStoppedError(f'{ending.reason}; {_go_on(out)}')
    if ending.spent is not None:
        print(f'stopped: {ending.spent:.4f} is spent, and no more than {config.max_cost:g} may '
              f'be; {_go_on(out)} with a higher --max-cost', file=stream)
        return 1
    errors = metrics['errors']
    if errors:
        raise RunStoppedError(
            f'{len(errors)} of {metrics["total"]} episodes ended in error and are not scored '
            f'({errors[0]["id"]}: {errors[0]["reason"]}); {_go_on(out)}')
    return 0 if metrics['status'] == 'complete' else 1


def _go_on(out: Path) -> str:
    return f'the same command with --out {out} goes on'
