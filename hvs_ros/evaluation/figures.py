# SPDX-License-Identifier: Apache-2.0
"""
What is drawn of a search: shapes over a picture, whoever paints them.

A page shows the drawings that ``DRAWERS`` make of a record. To show another one (a trajectory on
a floor plan, say), write a function from a record to a ``Drawing``, or to None where it has
nothing to show, and add it there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Union

from hvs_ros.core.scoring import Window, published_window
from hvs_ros.evaluation.outcomes import target_from_dict

PANORAMA = 'panorama'
"""The picture of a drawing that lies over its record's own panorama."""
MARK = 3.3
Record = Mapping[str, Any]
Box = dict[str, float]
Shape = dict[str, Union[str, float]]


@dataclass(frozen=True)
class Drawing:
    """
    Hold shapes over a picture.

    ``size`` is the (width, height) of the drawing's units; ``picture`` fills it: ``PANORAMA``,
    the bytes of a JPEG or PNG, or None for no picture. A shape has a ``shape`` (rect, line,
    circle, polyline or text), a ``class`` of the page's style sheet and SVG's own attributes.
    """

    name: str
    title: str
    size: tuple[float, float]
    shapes: Sequence[Shape]
    picture: str | bytes | None = PANORAMA


Drawer = Callable[[Record], Union[Drawing, None]]


def drawings(record: Record) -> list[Drawing]:
    """Return what every drawer has to show of a record."""
    drawn = (drawer(record) for drawer in DRAWERS)
    return [drawing for drawing in drawn if drawing is not None]


def gaze_drawing(record: Record) -> Drawing | None:
    """Return the way of the gaze over the panorama, with the target's windows."""
    path = gaze_path(record)
    shapes: list[Shape] = [
        {'shape': 'rect', 'class': box['name'], **{key: box[key] for key in box if key != 'name'}}
        for box in path['windows']]
    for name in ('under', 'way'):
        shapes += [{'shape': 'line', 'class': name, **line} for line in path['lines']]
    if path['answer']:
        shapes.append({
            'shape': 'circle', 'class': 'aim', 'cx': path['answer']['x'],
            'cy': path['answer']['y'], 'r': 6})
    for mark in path['marks']:
        for x in _beside_seam(mark['x']):
            shapes.append(
                {'shape': 'circle', 'class': 'mark', 'cx': x, 'cy': mark['y'], 'r': MARK})
            shapes.append({
                'shape': 'text', 'class': 'label', 'x': x, 'y': mark['y'] + 1.7,
                'text': str(mark['label'])})
    # Once more, above the marks that often stand on it.
    shapes += [
        {**shape, 'class': 'outline'} for shape in shapes if shape['class'] == 'annotated']
    return Drawing('gaze', 'Way of the gaze over the panorama', (360, 180), shapes)


def _beside_seam(x: float) -> list[float]:
    """Return where a mark is drawn: twice when the panorama's edge would cut it."""
    return [x, *([x + 360] if x < MARK else []), *([x - 360] if x > 360 - MARK else [])]


DRAWERS: list[Drawer] = [gaze_drawing]


def gaze_path(record: Record) -> dict[str, Any]:
    """
    Return what is drawn over a panorama of 360 by 180 units, yaw 0 in the middle.

    ``marks`` are the views in order, ``lines`` the way between them (cut at the seam),
    ``windows`` the annotated and the widened target, ``answer`` where the search pointed.
    """
    target = target_from_dict(record['target'])
    yaw, pitch = published_window(target)
    annotated = (-90.0, 90.0) if target.pitch is None else target.pitch
    marks = [_place(*turn['gaze_measured']) for turn in record['turns']]
    end = _place(*(record['answer'] or record['gaze']))
    return {
        'windows': [*_boxes(yaw, pitch, 'widened'), *_boxes(target.yaw, annotated, 'annotated')],
        'lines': list(_lines([*marks, end])),
        'marks': [{'x': x, 'y': y, 'label': n} for n, (x, y) in enumerate(marks, 1)],
        'answer': {'x': end[0], 'y': end[1]} if record['answer'] else None}


def _place(yaw: float, pitch: float) -> tuple[float, float]:
    return (yaw + 180) % 360, 90 - max(-90, min(90, pitch))


def _boxes(yaw: Window, pitch: Window, name: str) -> Iterator[dict[str, Any]]:
    left, top = (yaw[0] + 180) % 360, 90 - max(pitch)
    width = (yaw[1] - yaw[0]) % 360 or (360 if yaw[1] != yaw[0] else 0)
    height = max(pitch) - min(pitch)
    yield {'name': name, 'x': left, 'y': top, 'width': min(width, 360 - left), 'height': height}
    if left + width > 360:
        yield {'name': name, 'x': 0, 'y': top, 'width': left + width - 360, 'height': height}


def _lines(places: Sequence[tuple[float, float]]) -> Iterator[Box]:
    for (x1, y1), (x2, y2) in pairwise(places):
        step = (x2 - x1 + 180) % 360 - 180
        yield {'x1': x1, 'y1': y1, 'x2': x1 + step, 'y2': y2}
        if not 0 <= x1 + step <= 360:
            # The same line once more, coming in from the other side of the seam.
            yield {'x1': x2 - step, 'y1': y1, 'x2': x2, 'y2': y2}


def action_words(action: Mapping[str, Any]) -> str:
    """Return an action as a person reads it."""
    if action['type'] == 'rotate':
        return f'rotate({_short(action["dyaw"])}, {_short(action["dpitch"])})'
    if action['type'] == 'submit':
        return f'submit({_short(action["yaw"])}, {_short(action["pitch"])})'
    return f'invalid: {action["reason"]}'


def _short(number: float) -> str:
    text = str(number)
    return text if len(text) <= 12 else f'{text[:8]}…'
