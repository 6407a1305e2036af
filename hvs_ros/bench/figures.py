# SPDX-License-Identifier: Apache-2.0
"""The figures of `hvs bench`: their names, what they must reach, and how each is measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from hvs_ros.bench.measured import Measured
from hvs_ros.bench.scale import Scale
from hvs_ros.core.errors import InputError

Measure = Callable[[Path, Scale], Measured]


@dataclass(frozen=True)
class Figure:
    """
    Describe one figure.

    ``bound`` is what it must reach (None: nothing was promised), above which it should lie when
    ``more`` and below which otherwise. ``needs`` are the packages beyond the core's, by the name
    they are imported under and the extra that brings them. ``measure`` takes a folder for files.
    """

    name: str
    unit: str
    bound: float | None
    more: bool
    measure: Measure
    needs: tuple[tuple[str, str], ...] = ()

    def reached(self, value: float) -> bool | None:
        """Return whether the value is as good as promised, None when nothing was."""
        if self.bound is None:
            return None
        return value >= self.bound if self.more else value <= self.bound

    @property
    def missing(self) -> str:
        """Return what to install before it can be measured, empty when all is there."""
        for package, extra in self.needs:
            if find_spec(package) is None:
                return f"needs {package}, not installed here: pip install 'hvs_ros[{extra}]'"
        return ''


def _turn(width: int, kind: str) -> Measure:
    def measure(folder: Path, scale: Scale) -> Measured:
        from hvs_ros.bench.ratios import turn_ratio
        return turn_ratio(folder, scale, width, kind)
    return measure


def _render(width: int, reference: str) -> Measure:
    def measure(folder: Path, scale: Scale) -> Measured:
        from hvs_ros.bench.ratios import render_ratio
        return render_ratio(folder, scale, width, reference)
    return measure


def _goal_to_view(isolate: bool) -> Measure:
    def measure(folder: Path, scale: Scale) -> Measured:
        from hvs_ros.bench.graph_times import goal_to_view
        return goal_to_view(folder, scale, isolate)
    return measure


def _reply_to_goal(streamed: bool) -> Measure:
    def measure(folder: Path, scale: Scale) -> Measured:
        from hvs_ros.bench.reply_times import reply_to_goal
        return reply_to_goal(folder, scale, streamed)
    return measure


def _capture_to_view(folder: Path, scale: Scale) -> Measured:
    from hvs_ros.bench.graph_times import capture_to_view
    return capture_to_view(folder, scale)


def _direct(folder: Path, scale: Scale) -> Measured:
    from hvs_ros.bench.replay_rates import direct_rate
    return direct_rate(folder, scale)


def _graph(folder: Path, scale: Scale) -> Measured:
    from hvs_ros.bench.replay_rates import graph_rate
    return graph_rate(folder, scale)


def _memory(folder: Path, scale: Scale) -> Measured:
    from hvs_ros.bench.memory import rss_over_panoramas
    return rss_over_panoramas(folder, scale)


_PIL = (('PIL', 'test'),)
_PY360 = (('py360convert', 'test'),)
_EQUILIB = (('equilib', 'peers'),)
_TORCH360 = (('pytorch360convert', 'peers'),)
_ROS = (('rclpy', 'ros'),)
FIGURES: dict[str, Figure] = {figure.name: figure for figure in (
    Figure('turn_vs_published_3840', 'x', 32, True, _turn(3840, 'PNG'), _PIL),
    Figure('turn_vs_published_7680', 'x', 24, True, _turn(7680, 'PNG'), _PIL),
    Figure('turn_vs_published_jpeg_3840', 'x', 6, True, _turn(3840, 'JPEG'), _PIL),
    Figure('turn_vs_published_jpeg_7680', 'x', 10, True, _turn(7680, 'JPEG'), _PIL),
    Figure('render_vs_py360convert_3840', 'x', 18, True, _render(3840, 'py360convert'), _PY360),
    Figure('render_vs_py360convert_7680', 'x', 14, True, _render(7680, 'py360convert'), _PY360),
    Figure('render_vs_published_3840', 'x', 7, True, _render(3840, 'published'), _PIL),
    Figure('render_vs_published_7680', 'x', 5, True, _render(7680, 'published'), _PIL),
    Figure('render_vs_equilib_3840', 'x', None, True, _render(3840, 'equilib'), _EQUILIB),
    Figure('render_vs_equilib_7680', 'x', None, True, _render(7680, 'equilib'), _EQUILIB),
    Figure(
        'render_vs_pytorch360convert_3840', 'x', None, True, _render(3840, 'pytorch360convert'),
        _TORCH360),
    Figure(
        'render_vs_pytorch360convert_7680', 'x', None, True, _render(7680, 'pytorch360convert'),
        _TORCH360),
    Figure('graph_turn_ms_p50_composed', 'ms', 30, False, _goal_to_view(False), _ROS),
    Figure('graph_turn_ms_p50_isolated', 'ms', 45, False, _goal_to_view(True), _ROS),
    Figure('reply_to_goal_ms_p50', 'ms', 5, False, _reply_to_goal(False), _ROS),
    Figure('reply_to_goal_ms_p50_streamed', 'ms', 5, False, _reply_to_goal(True), _ROS),
    Figure('direct_turns_per_s', 'turns/s', 60, True, _direct),
    Figure('graph_turns_per_s', 'turns/s', None, True, _graph, _ROS),
    Figure('capture_to_view_ms_p50', 'ms', None, False, _capture_to_view, _ROS),
    Figure('rss_mb_500_panoramas', 'MB', 1200, False, _memory),
)}


def chosen(only: Sequence[str]) -> list[Figure]:
    """Return the named figures in their order, all when none is named; raise ``InputError``."""
    for name in only:
        if name not in FIGURES:
            raise InputError(f'unknown figure {name!r}; known are: {", ".join(FIGURES)}')
    return [figure for name, figure in FIGURES.items() if not only or name in only]
