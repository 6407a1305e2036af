# SPDX-License-Identifier: Apache-2.0
"""
Make the conformance suite: small panoramas, their annotations, and the recorded episodes.

    python test/conformance/make_suite.py

Texts and windows are our own; the expected values are what this package comes to, which the
benchmark's recorded data confirms wherever that data is at hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import json
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hvs_ros.core.conformance import RecordedEpisode, replay
from hvs_ros.core.profile import get_profile
from hvs_ros.core.scoring import Target, published_window

HERE = Path(__file__).resolve().parent
PROFILES = ('published-2025', 'published-2026')
FORMATS = ('free_think', 'no_think', 'grounding')
WINDOWS: dict[tuple[str, str], list[dict[str, Any]]] = {
    ('hos', 'tower'): [
        {'task': 'Find the clock', 'yaw': [100, 110], 'pitch': [-5, 5], 'level': 1},
        {'task': 'Find the wall', 'yaw': [60, 170], 'pitch': [-40, 35], 'level': [0, 1, 2, 2]},
    ],
    ('hos', 'north'): [
        {'task': 'Find the bell', 'yaw': [350, 15], 'pitch': [-5, 5], 'level': 0},
        {'task': 'Find the arch', 'yaw': [280, 60], 'pitch': [0, 70], 'level': 0},
        {'task': 'Find the gate', 'yaw': [295, 360], 'pitch': [-30, 30], 'level': 1},
        {'task': 'Find the moat', 'yaw': [0, 360], 'pitch': [-25, 25], 'level': 2},
        {'task': 'Find the hedge', 'yaw': [0, 75], 'pitch': [-25, 25], 'level': 1},
        {'task': 'Find the vane', 'yaw': [325, 335], 'pitch': [-5, 5], 'level': 1},
    ],
    ('hos', 'poles'): [
        {'task': 'Find the lamp', 'yaw': [40, 60], 'pitch': [78, 89], 'level': 2},
        {'task': 'Find the drain', 'yaw': [200, 230], 'pitch': [-90, -80], 'level': 2},
        {'task': 'Find the dome', 'yaw': [100, 180], 'pitch': [30, 90], 'level': 2},
    ],
    ('hos', 'decimals'): [
        {'task': 'Find the key', 'yaw': [123.45, 130.3], 'pitch': [1.2, 4.7],
         'initial yaw': [12.34, 37.5], 'level': [0, 2]},
        {'task': 'Find the rope', 'yaw': [12.3, 77.9], 'pitch': [-33.3, 22.2],
         'initial yaw': [100.7, 270], 'level': [0, 2]},
    ],
    ('hps', 'street'): [
        {'task': 'Go to the bridge', 'yaw': [88, 95], 'level': 0},
        {'task': 'Go to the harbour', 'yaw': [355, 4], 'level': 1},
        {'task': 'Go to the market', 'yaw': [120, 190], 'level': 2},
        {'task': 'Go to the square', 'yaw': [300, 30], 'level': 3},
    ],
}
NARROW = ('hos', 'tower', 0)
HUGE = '7' * 400


@dataclass(frozen=True)
class Case:
    """Name an episode to record: where it is, and what the model says."""

    group: str
    key: tuple[str, str, int]
    start: float
    answer_format: str
    texts: tuple[str, ...]
    unplayed: tuple[str, ...] = ()


def reply(answer_format: str, action: str) -> str:
    """Return the action in the shape that the format asks for."""
    thought = {
        'free_think': '<think>a door</think>', 'no_think': '',
        'grounding': '<think><observation>a door</observation><reasoning>left of it</reasoning>'
                     '</think>'}[answer_format]
    return f'{thought}<answer>{action}</answer>'


def hit(answer_format: str) -> str:
    """Return a reply that succeeds on the narrow window."""
    return reply(answer_format, 'submit(105,0)')


def shapes(answer_format: str) -> Iterator[str]:
    """Yield one action in every shape that a parser has an opinion on."""
    good, other = reply(answer_format, 'rotate(8,2)'), reply(answer_format, 'rotate(3,1)')
    yield from (
        good, f'\n{good}', f' {good} ', f'{good}\n', f'\u00a0{good}', f'so: {good}', f'{good} so',
        f'{good}{other}', f'<image>{good}', f'{good}<image>', good.replace('8', '<image>8'),
        good.replace('<answer>', '<Answer>'), good.replace('</answer>', ''),
        good.replace('</answer>', '</answer></answer>'), f'</answer>{good}',
        good.replace('<answer>', '<answer><answer>'), good.replace('<answer>', '<answer><think>'),
        good.replace('<answer>', ' \n <answer>'), good.replace('<answer>', ' so <answer>'),
        good.replace('rotate(8,2)', ''), good.replace('rotate(8,2)', ' \n rotate(8,2) \n '),
        '', ' ', 'turn right', 'rotate(8,2)', '<answer>rotate(8,2)</answer>',
        '<answer>rotate(8,2)</answer><think>later</think>', '<think>no end',
        '<think>a</think><answer>rotate(8,2)</answer>',
        '<think>try <answer>rotate(3,1)</answer></think><answer>rotate(8,2)</answer>',
        '\n<think>try <answer>rotate(3,1)</answer></think><answer>rotate(8,2)</answer>',
        '<think>try <answer>rotate(3,1)</answer></think>',
        '<think>a</think> so <answer>rotate(3,1)</answer> <think>b</think><answer>rotate(8,2)'
        '</answer>',
        '<think>a</think>b</think><answer>rotate(8,2)</answer>',
        '<THINK>a</THINK><answer>rotate(8,2)</answer>')
    yield from (
        '<think>\n<observation>o</observation> <reasoning>r</reasoning>\n</think>\n'
        '<answer>rotate(8,2)</answer>',
        '<think><reasoning>r</reasoning><observation>o</observation></think>'
        '<answer>rotate(8,2)</answer>',
        '<think><observation>o</observation></think><answer>rotate(8,2)</answer>',
        '<think><observation>o</observation>so<reasoning>r</reasoning></think>'
        '<answer>rotate(8,2)</answer>',
        'so: <think><observation>o</observation><reasoning>r</reasoning></think>'
        '<answer>turn right</answer>',
        'so: <think><observation>o</observation><reasoning>r</reasoning></think>'
        '<answer></answer>',
        '<think><observation>o</observation><reasoning>r</reasoning></think>')


NUMBERS = (
    'rotate(8,2)', 'rotate(-8,-2)', 'rotate(+8,+2)', 'rotate( 8 , 2 )', 'rotate(8, 2)',
    'rotate(1_0,0)', 'rotate(\uff11\uff12,\u0663)', 'rotate(012,-05)', 'rotate(8.0,2)',
    'rotate(8,2.5)', 'rotate(8e0,2)', 'rotate(0x8,2)', 'rotate(- 8,2)', 'rotate(8,2',
    'rotate 8,2', 'rotate8,2', 'rotate((8,2))', 'rotate(8,2))', 'rotate()8,2)', 'rotate (8,2)',
    'rotate(8,2).', 'rotate(8,2,3)', 'rotate(8,2,)', 'rotate(8)', 'rotate(8,)', 'rotate(,2)',
    'rotate()', 'rotate', 'rotate(8;2)', 'rotate[8,2]', 'rotate(yaw=8,pitch=2)',
    'rotate(8\u00b0,2\u00b0)', 'Rotate(8,2)', 'ROTATE(8,2)', 'rotated(8,2)', 'rotate(rotate8,2)',
    'a rotate(8,2)', 'rotate(8,2) rotate(3,1)', 'rotate(8,2)|rotate(3,1)',
    'rotate(8,2) | submit(105,0)', '|rotate(8,2)', ' | | ', 'turn | rotate(8,2)',
    'rotate(8,2);rotate(3,1)', 'submit105,0', 'submit(105,0', 'submit (105,0)', 'submit(105)',
    'submit(105.0,0)', 'submit( 105 , 0 )', 'submit(105,0)|rotate(8,2)', 'Submit(105,0)',
    'submitrotate(8,2)', 'submit(nan,0)', 'rotate(inf,0)', f'submit({HUGE},{HUGE})',
    f'rotate({HUGE},-{HUGE})', 'rotate(\x1c8,2)', 'submit(\x1c105,0)', 'zoom(in)',
    'rotate(8,2<think>)',
)
POSES = (
    ('rotate(350,0)', 'rotate(20,0)', 'rotate(-30,0)'),
    ('rotate(0,60)', 'rotate(0,60)', 'rotate(0,-10)'),
    ('rotate(0,-200)', 'rotate(0,5)'), ('rotate(725,-1)', 'rotate(-1085,1)'),
    ('rotate(-35,0)', 'rotate(-10,7)'), ('turn', 'rotate(0,0)', 'turn'),
    ('rotate(100,0)', 'rotate(20,0)', 'rotate(-20,0)'),
    ('rotate(0,30)', 'rotate(0,-30)', 'rotate(0,-30)'),
    ('rotate(30,-20)', 'rotate(-30,10)', 'rotate(180,90)', 'rotate(1,-1)', 'rotate(-1,1)'),
    ('rotate(360,0)', 'rotate(180,0)', 'rotate(90,45)', 'rotate(45,-45)'),
)


def cases() -> Iterator[Case]:
    """Yield every episode to record."""
    for answer_format in FORMATS:
        for text in shapes(answer_format):
            yield Case('shape', NARROW, 0, answer_format, (text, hit(answer_format)))
        for action in NUMBERS:
            texts = (reply(answer_format, action), hit(answer_format))
            yield Case('number', NARROW, 90, answer_format, texts)
        yield from _limits(answer_format)
        for number, actions in enumerate(POSES):
            texts = tuple(reply(answer_format, action) for action in actions)
            for key, start in _places(number):
                yield Case('pose', key, start, answer_format, (*texts, hit(answer_format)))
    yield Case('pose', ('hos', 'decimals', 0), 37.5, 'free_think',
               (reply('free_think', f'rotate({HUGE},0)'), hit('free_think')))
    yield from _window_cases()


def _places(number: int) -> Iterator[tuple[tuple[str, str, int], float]]:
    yield ('hos', 'decimals', 0), (12.34, 37.5)[number % 2]
    yield (('hos', 'north', number % 6), ('hps', 'street', number % 4))[number % 2], 90


def _limits(answer_format: str) -> Iterator[Case]:
    turn, lost = reply(answer_format, 'rotate(10,0)'), reply(answer_format, 'turn right')
    done = hit(answer_format)
    yield Case('limit', NARROW, 0, answer_format, (*[turn] * 9, done))
    yield Case('limit', NARROW, 0, answer_format, (*[lost] * 9, done))
    yield Case('limit', NARROW, 0, answer_format, (turn,) * 10, (done,))
    yield Case('limit', NARROW, 0, answer_format, (lost,) * 10, (done,))
    yield Case('limit', NARROW, 0, answer_format, (done,), (turn, done))
    missed = reply(answer_format, 'submit(0,0)')
    yield Case('limit', NARROW, 0, answer_format, (lost, missed), (done,))


def _window_cases() -> Iterator[Case]:
    for split, scene in WINDOWS:
        for item, annotation in enumerate(WINDOWS[split, scene]):
            key, start = (split, scene, item), annotation.get('initial yaw', [0, 270])[1]
            for number, (yaw, pitch) in enumerate(_around(annotation)):
                answer_format = FORMATS[number % 3]
                text = reply(answer_format, f'submit({yaw},{pitch})')
                yield Case('window', key, start, answer_format, (text,))


def _around(annotation: dict[str, Any]) -> list[tuple[int, int]]:
    """Return the directions on both sides of every end of the window, and the odd ones."""
    target = _target(annotation)
    yaws, pitches = published_window(target)
    middle, level = round(target.centre.yaw), round(sum(pitches) / 2)
    found = [(middle, level), (middle + 180, level), (middle - 720, level), (0, level),
             (360, level), (359, level), (middle, 91), (middle, -91), (middle, 130)]
    found += [(math.floor(end) + step, level) for end in yaws for step in (-1, 0, 1, 2)]
    found += [(middle, math.floor(end) + step) for end in pitches for step in (-1, 0, 1, 2)]
    if min(annotation['yaw']) == 0 and max(annotation['yaw']) == 360:
        found += [(0, 30), (1, level), (90, 60)]
    return list(dict.fromkeys(found))


def _target(annotation: dict[str, Any]) -> Target:
    yaw, pitch = annotation['yaw'], annotation.get('pitch')
    if pitch is None:
        return Target('path', (yaw[0], yaw[1]), None)
    return Target('object', (yaw[0], yaw[1]), (pitch[0], pitch[1]))


def record(case: Case, name: str, profile_name: str) -> dict[str, Any]:
    """Return the case as a line of a conformance file."""
    split, scene, item = case.key
    target = _target(WINDOWS[split, scene][item])
    episode = RecordedEpisode(
        1, split, scene, item, case.start, case.answer_format,
        tuple({'text': text} for text in case.texts), (), {})
    turns = []
    for text, turn in zip(case.texts, replay(episode, target, get_profile(profile_name)),
                          strict=False):
        del turn['reason']
        turns.append({'text': text, **turn})
    yaws, pitches = published_window(target)
    line = {
        'case': name, 'split': split, 'scene': scene, 'item': item, 'start_yaw': case.start,
        'prompt_format': case.answer_format, 'target_yaw': yaws, 'target_pitch': pitches,
        'turns': turns, 'success': turns[-1]['success']}
    unplayed = [*case.texts[len(turns):], *case.unplayed]
    return {**line, 'unplayed': unplayed} if unplayed else line


def suite(profile_name: str) -> str:
    """Return the conformance file of a published profile."""
    counts: dict[str, int] = {}
    lines = []
    for case in cases():
        counts[case.group] = counts.get(case.group, 0) + 1
        name = f'{case.group}-{counts[case.group]:03d}'
        lines.append(json.dumps(record(case, name, profile_name)))
    return '\n'.join(lines) + '\n'


def write_episodes(root: Path) -> None:
    """Write one panorama and one annotation for each scene."""
    for place, ((split, scene), items) in enumerate(WINDOWS.items()):
        folder = root / split / scene
        folder.mkdir(parents=True, exist_ok=True)
        rows, columns = np.mgrid[0:32, 0:64]
        image = np.stack([columns * 4, rows * 8, np.full_like(rows, 40 * place)], axis=-1)
        cv2.imwrite(str(folder / 'pano_1.png'), image.astype(np.uint8))
        text = json.dumps(items, indent=1) + '\n'
        (folder / 'annotation.json').write_text(text, encoding='utf-8')


def main() -> None:
    """Write the panoramas and the suites of both published profiles."""
    write_episodes(HERE / 'episodes')
    for name in PROFILES:
        (HERE / f'{name}.jsonl').write_text(suite(name), encoding='utf-8')


if __name__ == '__main__':
    main()
