# SPDX-License-Identifier: Apache-2.0
"""
`hvs find` and `hvs go`: send an instruction to a running graph and follow it.

    hvs find "the red fire extinguisher"
    hvs go "gate B7"
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hvs_ros.core.messages import ResultLine, TurnLine

KINDS = {'find': 'object', 'go': 'path'}
EXIT_CODES = {'submitted': 0, 'cancelled': 130}


def add_parser(subparsers: Any) -> None:
    """Add `hvs find` and `hvs go`."""
    for command, kind, example in (
            ('find', 'an object', 'the red fire extinguisher'), ('go', 'a path', 'gate B7')):
        parser = subparsers.add_parser(
            command, help=f'send {kind} search to a running graph and follow it',
            description=f'Send {kind} search to a running graph, print its turns and how it '
            'ended. Ctrl-C cancels the search. Exit code 0 when the planner submitted a '
            'direction, 1 when the search ended otherwise.')
        parser.add_argument('sentence', metavar='SENTENCE', help=f'for example "{example}"')
        parser.add_argument('--namespace', default='', help='namespace of the graph')
        parser.add_argument(
            '--join-timeout', type=float, default=5.0, metavar='S',
            help='how long to look for a planner (default: %(default)s)')
        parser.add_argument(
            '--timeout', type=float, default=600.0, metavar='S',
            help='how long to wait for the result (default: %(default)s)')
        parser.set_defaults(run=run, command=command)


def run(args: argparse.Namespace) -> int:
    """Send the instruction and follow it."""
    from hvs_ros.core.instruction import read_instruction
    from hvs_ros.ros.bringup import SignalWatch
    from hvs_ros.ros.client import SearchClient
    sentence = read_instruction(args.sentence).text
    with SignalWatch() as watch, SearchClient(
            args.namespace, wanted=lambda: not watch.number) as client:
        result = client.search(
            KINDS[args.command], sentence, show_turn, join_timeout=args.join_timeout,
            timeout=args.timeout)
        if result is None:
            print('cancelled')
            return 128 + watch.number
        print(sentence_of(result), flush=True)
    return EXIT_CODES.get(result.status, 1)


def show_turn(line: TurnLine) -> None:
    """Print one turn as a person reads it."""
    yaw, pitch = line.gaze_told
    action = line.action
    if action['type'] == 'rotate':
        answer = f'rotate ({action["dyaw"]:+g}, {action["dpitch"]:+g})'
    elif action['type'] == 'submit':
        answer = f'submit ({action["yaw"]:g}, {action["pitch"]:g})'
    else:
        answer = f'invalid: {action["reason"]}'
    thought = ' '.join(line.thought.split())[:100]
    sys.stdout.write(
        f'  turn {line.index + 1}  looking at yaw {yaw:g}°, pitch {pitch:g}°  ->  {answer}'
        + (f'   “{printable(thought)}”' if thought else '') + '\n')
    sys.stdout.flush()


def sentence_of(result: ResultLine) -> str:
    """Return how a search ended, in one sentence."""
    turns = f'{result.turns} turn' + ('' if result.turns == 1 else 's')
    if result.status == 'submitted' and result.answer is not None:
        yaw, pitch = result.answer
        return f'submitted yaw {yaw:g}°, pitch {pitch:g}° after {turns}'
    reason = f': {printable(result.reason)}' if result.reason else ''
    return f'{result.status} after {turns}{reason}'


def printable(text: str) -> str:
    """Return the text without control characters: a model's words must not steer a terminal."""
    return ''.join(character if character.isprintable() else '?' for character in text)
