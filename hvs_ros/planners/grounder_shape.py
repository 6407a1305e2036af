# SPDX-License-Identifier: Apache-2.0
"""A grounder that was never trained: colour words and silhouettes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math

import cv2
import numpy as np

from hvs_ros.planners.colours import ColourMap, colour_words
from hvs_ros.planners.sightings import Box, Hit

LEAST_AREA = 24
MOST_BLOBS = 24
UNNAMED_COLOUR = 0.6
_CLOSE = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))


@dataclass(frozen=True)
class Silhouette:
    """
    Say how the coloured part of a kind of thing looks when it is in the middle of the view.

    ``aspect`` is width / height of its box, ``extent`` the share of the box it fills, ``taper``
    the width of its top third over that of its bottom third. ``colours`` are those it has when
    the instruction names none; ``writing`` says that it bears pale letters.
    """

    aspect: float
    extent: float = 0.8
    taper: float = 1.0
    colours: tuple[str, ...] = ()
    writing: bool = False


SIGN = Silhouette(3.2, 0.8, 1.0, ('green', 'blue'), writing=True)
DOOR = Silhouette(0.5, 0.85, 1.0, ('brown',))
SILHOUETTES = {
    'extinguisher': Silhouette(0.38, 0.75, 1.0, ('red',)),
    'chair': Silhouette(0.8, 0.72), 'sofa': Silhouette(2.2, 0.8), 'couch': Silhouette(2.2, 0.8),
    'cup': Silhouette(1.1, 0.8), 'mug': Silhouette(1.1, 0.8), 'bowl': Silhouette(1.8, 0.8, 1.4),
    'suitcase': Silhouette(0.7, 0.93), 'luggage': Silhouette(0.7, 0.93),
    'ball': Silhouette(1.0, 0.78), 'lamp': Silhouette(1.3, 0.82, 0.75, ('yellow', 'white')),
    'plant': Silhouette(0.9, 0.5, 1.2, ('green',)), 'pot': Silhouette(1.2, 0.85, 1.2),
    'bin': Silhouette(0.62, 0.85), 'umbrella': Silhouette(3.6, 0.6, 0.4),
    'parasol': Silhouette(3.6, 0.6, 0.4), 'box': Silhouette(1.3, 0.9),
    'clock': Silhouette(1.0, 0.5), 'backpack': Silhouette(0.75, 0.8, 0.8),
    'rucksack': Silhouette(0.75, 0.8, 0.8), 'bag': Silhouette(0.9, 0.8, 0.9),
    'cone': Silhouette(0.7, 0.5, 0.35, ('orange',)), 'mailbox': Silhouette(0.72, 0.9),
    'vase': Silhouette(0.6, 0.7, 0.6), 'bottle': Silhouette(0.35, 0.75, 0.6),
    'book': Silhouette(0.8, 0.92), 'painting': Silhouette(1.2, 0.92, 1.0, ('any',)),
    'picture': Silhouette(1.2, 0.92, 1.0, ('any',)), 'pillow': Silhouette(1.5, 0.8),
    'curtain': Silhouette(0.4, 0.9), 'hydrant': Silhouette(0.5, 0.7, 0.7, ('red',)),
    'bench': Silhouette(2.5, 0.6), 'car': Silhouette(2.2, 0.7, 0.6, ('any',)),
    'bus': Silhouette(2.5, 0.9, 1.0, ('any',)), 'bicycle': Silhouette(1.6, 0.4),
    'television': Silhouette(1.7, 0.95, 1.0, ('black',)), 'tv': Silhouette(1.7, 0.95, 1.0, (
        'black',)), 'screen': Silhouette(1.7, 0.95, 1.0, ('black',)),
    'pyramid': Silhouette(2.0, 0.5, 0.3, ('grey',)), 'boulder': Silhouette(1.3, 0.75, 0.8),
    'sign': SIGN, 'exit': SIGN, 'gate': SIGN, 'platform': SIGN, 'arrow': SIGN, 'toilet': SIGN,
    'restroom': SIGN, 'ticket': SIGN, 'elevator': SIGN, 'lift': SIGN,
    'door': DOOR, 'doorway': DOOR, 'entrance': DOOR, 'corridor': DOOR,
}
ANYTHING = Silhouette(1.0, 0.75)


@dataclass(frozen=True)
class Blob:
    """Hold one coloured region: its box (x, y, w, h in pixels) and silhouette numbers."""

    box: tuple[int, int, int, int]
    area: int
    taper: float
    cut: bool

    @property
    def aspect(self) -> float:
        """Return width / height of the box."""
        return self.box[2] / self.box[3]

    @property
    def extent(self) -> float:
        """Return the share of the box that is filled."""
        return self.area / (self.box[2] * self.box[3])


class ShapeGrounder:
    """
    Find coloured things by colour words and silhouette.

    It knows some colours and the outlines of some things that a simulated world is furnished
    with, it cannot read, and it knows nothing about photographs: there its hits mean little.
    Deterministic; holds no state, so threads may share it.
    """

    def locate(self, image: np.ndarray, phrases: Sequence[str]) -> list[Hit]:
        """Return the hits in a (h, w, 3) BGR view, best first; ``score`` is within [0, 1]."""
        colours = ColourMap(image)
        hits = [hit for phrase in phrases for hit in self._locate_one(image, colours, phrase)]
        return sorted(hits, key=lambda hit: -hit.score)

    def _locate_one(self, image: np.ndarray, colours: ColourMap, phrase: str) -> list[Hit]:
        named, silhouette = colour_words(phrase), silhouette_of(phrase)
        if not named and silhouette is None:
            return []
        shape = silhouette or ANYTHING
        hits = []
        for colour in named or shape.colours or ('any',):
            weight = 1.0 if named else UNNAMED_COLOUR
            for blob in blobs(colours.mask(colour)):
                score = weight * likeness(blob, shape, colours, image.shape[:2])
                x, y, w, h = blob.box
                hits.append(Hit(phrase, score, Box(x, y, x + w, y + h)))
        return hits


def silhouette_of(phrase: str) -> Silhouette | None:
    """Return the outline that the last known noun of a phrase names."""
    for word in reversed(phrase.lower().split()):
        for form in (word, word.removesuffix('s'), word.removesuffix('es')):
            if form in SILHOUETTES:
                return SILHOUETTES[form]
    return None


def blobs(mask: np.ndarray) -> list[Blob]:
    """Return the largest regions of a mask, pieces of one thing put together again."""
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _CLOSE)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    order = sorted(range(1, count), key=lambda k: -int(stats[k, cv2.CC_STAT_AREA]))
    kept = [k for k in order[:MOST_BLOBS] if stats[k, cv2.CC_STAT_AREA] >= LEAST_AREA // 3]
    groups = _put_together([(k, tuple(int(v) for v in stats[k, :4])) for k in kept])
    made = [_blob(labels, mask.shape, members, box) for members, box in groups]
    return [blob for blob in made if blob.area >= LEAST_AREA]


def _put_together(parts: list[tuple[int, tuple[int, ...]]]) -> list[
        tuple[list[int], tuple[int, int, int, int]]]:
    """Join parts that stand on one another: bands and labels cut a thing into pieces."""
    groups: list[tuple[list[int], tuple[int, int, int, int]]] = []
    for label, (x, y, w, h) in parts:
        for k, (members, (gx, gy, gw, gh)) in enumerate(groups):
            across = min(x + w, gx + gw) - max(x, gx)
            gap = max(y, gy) - min(y + h, gy + gh)
            if across >= 0.75 * min(w, gw) and w <= 1.3 * gw and gap <= 0.35 * max(h, gh):
                left, top = min(x, gx), min(y, gy)
                right, bottom = max(x + w, gx + gw), max(y + h, gy + gh)
                groups[k] = ([*members, label], (left, top, right - left, bottom - top))
                break
        else:
            groups.append(([label], (x, y, w, h)))
    return groups


def _blob(
        labels: np.ndarray, shape: tuple[int, ...], members: list[int],
        box: tuple[int, int, int, int]) -> Blob:
    x, y, w, h = box
    inside = np.isin(labels[y:y + h, x:x + w], members)
    widths = inside.sum(axis=1)
    third = max(1, h // 3)
    taper = float(widths[:third].mean() / max(1.0, float(widths[-third:].mean())))
    cut = x <= 1 or y <= 1 or x + w >= shape[1] - 1 or y + h >= shape[0] - 1
    return Blob(box, int(inside.sum()), taper, cut)


def likeness(
        blob: Blob, shape: Silhouette, colours: ColourMap, size: tuple[int, int]) -> float:
    """Return how much a blob looks like a silhouette, in [0, 1]."""
    off = (math.log(blob.aspect / shape.aspect) / 0.45) ** 2
    off += ((blob.extent - shape.extent) / 0.22) ** 2
    off += (math.log(max(0.05, blob.taper) / shape.taper) / 0.5) ** 2
    score = math.exp(-0.5 * off)
    if shape.writing:
        score *= min(1.0, colours.pale_share(blob.box) / 0.06)
    share = blob.area / (size[0] * size[1])
    score *= min(1.0, 0.4 + blob.area / 400) * (1.0 if share < 0.25 else 0.25 / share)
    # A thing cut by the edge of the view shows no outline: worth another look, no more.
    return 0.35 + 0.3 * score if blob.cut and score < 0.6 else 0.15 + 0.85 * score
