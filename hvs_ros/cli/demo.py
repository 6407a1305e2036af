# SPDX-License-Identifier: Apache-2.0
"""
`hvs demo`: the whole thing on the bundled panoramas, watched turn by turn.

    hvs demo
    hvs demo --planner openai:MODEL@http://localhost:8000/v1 --all
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
import os
from pathlib import Path
import sys
from typing import TYPE_CHECKING, Any

from hvs_ros.cli.eval import default_out, graph_of

if TYPE_CHECKING:
    from hvs_ros.core.episode import Episode
    from hvs_ros.core.messages import TurnLine
    from hvs_ros.evaluation.session import GraphDriver

EPISODES = 'sim/episodes'
MARKS = {'success': '✔', 'failure': '✘'}
COLOURS = {'success': '32', 'failure': '31'}


def add_parser(subparsers: Any) -> None:
    """Add `hvs demo`."""
    parser = subparsers.add_parser(
        'demo', help='search the bundled panoramas with a live graph and score the searches',
        description='Search the bundled panoramas with the live ROS graph, show every turn, and '
        'score the searches. Without rclpy it runs the same searches in one loop.')
    parser.add_argument(
        '--planner', metavar='SPEC', default='builtin', help='(default: %(default)s)')
    parser.add_argument(
        '--driver', choices=('graph', 'direct'), default='graph', help='(default: %(default)s)')
    parser.add_argument(
        '--all', action='store_true', help='every start of every item, not one of each')
    parser.add_argument('--limit', type=int, metavar='N', help='only the first N of them')
    parser.add_argument('--out', metavar='RUN', help='run folder (default: runs/<time>-demo)')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Search, narrate, score; 0 when every episode is scored."""
    from hvs_ros.core.episode import load_episodes
    from hvs_ros.core.share import share_path
    from hvs_ros.evaluation.config import EvalConfig, ViewConfig
    from hvs_ros.evaluation.session import evaluate
    root = share_path(EPISODES)
    episodes = list(load_episodes(root))
    chosen = episodes if args.all else one_start_each(episodes)
    chosen = chosen[:args.limit] if args.limit else chosen
    graph = _graph_or_none(args.driver)
    config = EvalConfig(
        episodes=str(root), planner=args.planner, driver='graph' if graph else 'direct',
        view=ViewConfig(1280, 720), only_ids=tuple(episode.id for episode in chosen))
    scenes = len({(episode.split, episode.scene) for episode in chosen})
    print(f'{len(chosen)} searches in {scenes} panoramas; the planner is {args.planner!r}, '
          f'the driver {config.driver}.\n', flush=True)
    story = Story(chosen, coloured=sys.stdout.isatty() and 'NO_COLOR' not in os.environ)
    out = Path(args.out) if args.out else default_out('demo')
    return evaluate(
        config, out, stream=sys.stdout, graph=graph, on_turn=story.turn, on_record=story.end,
        bar=False)


def one_start_each(episodes: Sequence[Episode]) -> list[Episode]:
    """Return one episode of every item, starting in another direction each time."""
    items: dict[tuple[str, str, int], list[Episode]] = {}
    for episode in episodes:
        items.setdefault((episode.split, episode.scene, episode.item), []).append(episode)
    return [starts[place % len(starts)] for place, starts in enumerate(items.values())]


class Story:
    """Tell a run as it happens: a line a search, a line a turn, a line an outcome."""

    def __init__(self, episodes: Sequence[Episode], *, coloured: bool) -> None:
        self._episodes = {episode.id: episode for episode in episodes}
        self._coloured = coloured
        self._begun: set[str] = set()
        self._ended = self._successes = 0

    def turn(self, line: TurnLine) -> None:
        """Tell one turn, after the instruction when it is the search's first."""
        self._begin(line.id)
        yaw, pitch = line.gaze_told
        thought = ' '.join(line.thought.split())
        print(f'     {line.index + 1:>2}  looks at {_side(yaw)}, {_height(pitch)}'
              f' → {_words(line)}{self._dim(f"   {thought:.60}")}', flush=True)

    def end(self, record: Mapping[str, Any]) -> None:
        """Tell how a search ended and where the run stands."""
        self._begin(record['id'])
        outcome = record['outcome']
        self._ended += 1
        self._successes += outcome == 'success'
        reason = f': {record["reason"]}' if record.get('reason') else ''
        text = f'{MARKS.get(outcome, "–")} {outcome.replace("_", " ")}{reason}'
        print(f'     {self._paint(text, COLOURS.get(outcome, "33"))}   '
              f'({self._successes} of {self._ended} so far)\n', flush=True)

    def _begin(self, episode_id: str) -> None:
        if episode_id in self._begun:
            return
        self._begun.add(episode_id)
        episode = self._episodes[episode_id]
        number = f'[{len(self._begun)}/{len(self._episodes)}]'
        heading = self._paint(f'{number} {episode.instruction}', '1')
        print(f'{heading}{self._dim(f"   {episode.id}")}', flush=True)

    def _dim(self, text: str) -> str:
        return self._paint(text, '2') if text.strip() else ''

    def _paint(self, text: str, code: str) -> str:
        return f'\x1b[{code}m{text}\x1b[0m' if self._coloured else text


def _graph_or_none(driver: str) -> GraphDriver | None:
    try:
        return graph_of(driver)
    except ModuleNotFoundError as error:
        if (error.name or '').startswith('hvs_ros'):
            raise
        print(f"{error.name} is not installed, so the searches run without ROS; for the live "
              "graph: pip install 'hvs_ros[ros]'", flush=True)
        return None


def _side(yaw: float) -> str:
    turned = (yaw + 180) % 360 - 180
    return f'{abs(turned):3.0f}° {"left" if turned < 0 else "right"}'


def _height(pitch: float) -> str:
    return 'level' if round(pitch) == 0 else f'{abs(pitch):.0f}° {"up" if pitch > 0 else "down"}'


def _words(line: TurnLine) -> str:
    action = line.action
    if line.not_found:
        return 'gives up'
    if action['type'] == 'rotate':
        return f'turns by ({action["dyaw"]:g}°, {action["dpitch"]:g}°)'
    if action['type'] == 'submit':
        return f'says: there, at ({action["yaw"]:g}°, {action["pitch"]:g}°)'
    return f'gives no usable answer ({action["reason"]})'
