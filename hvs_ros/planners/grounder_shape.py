# SPDX-License-Identifier: Apache-2.0
"""A grounder that was never trained: colour words and silhouettes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import itertools
import math

import cv2
import numpy as np

from hvs_ros.planners.colours import ColourMap, colour_words
from hvs_ros.planners.sightings import Box, Hit, Thresholds
from hvs_ros.planners.writing import level, reads, sign_texts

LEAST_AREA = 24
MOST_BLOBS = 24
LOOK_WIDTH = 640
UNNAMED_COLOUR = 0.6
Area = tuple[int, int, int, int]
Part = tuple[list[int], Area]
BOARD_COLOURS = ('green', 'turquoise', 'blue', 'dark')
BOARD_ASPECT = (1.0, 7.0)
LEAST_BOARD_EXTENT = 0.55
LEAST_WRITING = 0.03
UNREAD_SIGN = 0.15
_CLOSE = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))


@dataclass(frozen=True)
class Silhouette:
    """
    Say how the coloured part of a kind of thing looks when it is in the middle of the view.

    ``aspect`` is width / height of its box, ``extent`` the share of the box it fills, ``taper``
    the width of its top third over that of its bottom third. ``colours`` are those it has when
    the instruction names none.
    """

    aspect: float
    extent: float = 0.8
    taper: float = 1.0
    colours: tuple[str, ...] = ()


SIGN = Silhouette(3.2)
DOOR = Silhouette(0.5, 0.85, 1.0, ('brown',))
SILHOUETTES = {
    'extinguisher': Silhouette(0.4, 0.8, 1.15, ('red',)),
    'chair': Silhouette(0.8, 0.75), 'sofa': Silhouette(2.2, 0.8), 'couch': Silhouette(2.2, 0.8),
    'cup': Silhouette(1.05, 0.75, 1.08), 'mug': Silhouette(1.05, 0.75, 1.08),
    'bowl': Silhouette(1.8, 0.8, 1.4),
    'suitcase': Silhouette(0.74, 0.92, 1.1), 'luggage': Silhouette(0.74, 0.92, 1.1),
    'ball': Silhouette(1.0, 0.78), 'lamp': Silhouette(1.15, 0.81, 0.8, ('yellow', 'white')),
    'plant': Silhouette(0.9, 0.5, 1.3, ('green',)), 'pot': Silhouette(0.97, 0.66, 1.48),
    'bin': Silhouette(0.59, 0.79, 1.2), 'umbrella': Silhouette(4.0, 0.6, 0.28),
    'parasol': Silhouette(4.0, 0.6, 0.28), 'box': Silhouette(1.2, 0.86, 1.15),
    'clock': Silhouette(0.98, 0.38), 'backpack': Silhouette(0.73, 0.84, 0.82),
    'rucksack': Silhouette(0.73, 0.84, 0.82), 'bag': Silhouette(0.9, 0.8, 0.9),
    'cone': Silhouette(0.68, 0.5, 0.3, ('orange',)), 'mailbox': Silhouette(0.68, 0.82, 1.03),
    'vase': Silhouette(0.59, 0.73, 0.7), 'bottle': Silhouette(0.35, 0.75, 0.6),
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

    box: Area
    area: int
    extent: float
    taper: float
    cut: bool

    @property
    def aspect(self) -> float:
        """Return width / height of the box."""
        return self.box[2] / self.box[3]


class ShapeGrounder:
    """
    Find coloured things by colour words and silhouette.

    It knows some colours and the outlines of some things that a simulated world is furnished
    with; over signs it lays plain capitals to see which word they bear. It knows nothing about
    photographs: there its hits mean little. Deterministic; holds no state, so threads may share
    it.
    """

    thresholds = Thresholds()
    reads_instructions = False

    def locate(self, image: np.ndarray, phrases: Sequence[str]) -> list[Hit]:
        """Return the hits in a (h, w, 3) BGR view, best first; ``score`` is within [0, 1]."""
        scale = image.shape[1] / min(LOOK_WIDTH, image.shape[1])
        size = (round(image.shape[1] / scale), max(1, round(image.shape[0] / scale)))
        small = image if scale == 1 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        colours = ColourMap(small)
        hits = []
        for phrase in phrases:
            silhouette = silhouette_of(phrase)
            found = (boards(image, colours, phrase, scale)
                     if silhouette is SIGN or has_number(phrase)
                     else _things(colours, phrase, silhouette, (size[1], size[0])))
            hits += [Hit(phrase, score, _scaled(box, scale)) for score, box in found]
        return sorted(hits, key=lambda hit: -hit.score)


def _things(
        colours: ColourMap, phrase: str, silhouette: Silhouette | None,
        size: tuple[int, int]) -> list[tuple[float, Area]]:
    named = colour_words(phrase)
    if not named and silhouette is None:
        return []
    shape = silhouette or ANYTHING
    weight = 1.0 if named else UNNAMED_COLOUR
    return [(weight * likeness(blob, shape, colours, size), blob.box)
            for colour in named or shape.colours or ('any',)
            for blob in blobs(colours.mask(colour))]


def boards(
        image: np.ndarray, colours: ColourMap, phrase: str,
        scale: float) -> list[tuple[float, Area]]:
    """
    Return the signs in a view with how surely they bear what the phrase names.

    Areas are in pixels of the view over ``scale``, at which ``colours`` were mapped.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    found = []
    for colour in BOARD_COLOURS:
        for area, slope in _plates(colours, colours.mask(colour)):
            box = _scaled(area, scale)
            crop = grey[int(box.top):int(box.bottom), int(box.left):int(box.right)]
            sure = max(reads(level(crop, slope), text) for text in sign_texts(phrase))
            found.append((UNREAD_SIGN + (1.0 - UNREAD_SIGN) * sure, area))
    return found


def _plates(colours: ColourMap, mask: np.ndarray) -> list[tuple[Area, float]]:
    """Return the boards with pale writing in a mask, with the slope of their rows."""
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _CLOSE)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    order = sorted(range(1, count), key=lambda k: -int(stats[k, cv2.CC_STAT_AREA]))
    plates = []
    for k in order[:MOST_BLOBS]:
        x, y, w, h = area = _area(stats[k])
        filled = int(stats[k, cv2.CC_STAT_AREA]) / (w * h)
        if (min(w, h) >= 5 and BOARD_ASPECT[0] <= w / h <= BOARD_ASPECT[1]
                and filled >= LEAST_BOARD_EXTENT and colours.pale_share(area) >= LEAST_WRITING):
            rows, columns = np.nonzero(labels[y:y + h, x:x + w] == k)
            plates.append((area, float(np.polyfit(columns, rows, 1)[0])))
    return plates


def _scaled(box: Area, scale: float) -> Box:
    x, y, w, h = box
    return Box(x * scale, y * scale, (x + w) * scale, (y + h) * scale)


def has_number(phrase: str) -> bool:
    """Return whether a phrase names a number, which only a sign can show."""
    return any(letter.isdigit() for letter in phrase)


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
    groups = _put_together([([k], _area(stats[k])) for k in kept])
    made = [_blob(labels, mask.shape, members, box) for members, box in groups]
    return [blob for blob in made if blob.area >= LEAST_AREA]


def _put_together(parts: list[Part]) -> list[Part]:
    """Join parts that stand on one another: bands and labels cut a thing into pieces."""
    joined = True
    while joined:
        joined = False
        for one, other in itertools.combinations(parts, 2):
            if _belong_together(one[1], other[1]):
                parts = [part for part in parts if part is not one and part is not other]
                parts.append((one[0] + other[0], _around(one[1], other[1])))
                joined = True
                break
    return parts


def _area(row: np.ndarray) -> Area:
    x, y, w, h = (int(value) for value in row[:4])
    return x, y, w, h


def _belong_together(a: Area, b: Area) -> bool:
    (ax, ay, aw, ah), (bx, by, bw, bh) = a, b
    across = min(ax + aw, bx + bw) - max(ax, bx)
    gap = max(ay, by) - min(ay + ah, by + bh)
    return (across >= 0.75 * min(aw, bw) and max(aw, bw) <= 5.0 * min(aw, bw)
            and -2 <= gap <= 0.4 * max(ah, bh))


def _around(a: Area, b: Area) -> Area:
    left, top = min(a[0], b[0]), min(a[1], b[1])
    right, bottom = max(a[0] + a[2], b[0] + b[2]), max(a[1] + a[3], b[1] + b[3])
    return left, top, right - left, bottom - top


def _blob(labels: np.ndarray, shape: tuple[int, ...], members: list[int], box: Area) -> Blob:
    x, y, w, h = box
    window = labels[y:y + h, x:x + w]
    inside = np.logical_or.reduce([window == member for member in members])
    widths = inside.sum(axis=1)
    # The outline's width, over holes: the mouth of a pot is part of the pot.
    spans = np.where(widths > 0, w - inside.argmax(axis=1) - inside[:, ::-1].argmax(axis=1), 0)
    third = max(1, h // 3)
    taper = _mean_width(spans[:third]) / max(1.0, _mean_width(spans[-third:]))
    cut = x <= 1 or y <= 1 or x + w >= shape[1] - 1 or y + h >= shape[0] - 1
    return Blob(box, int(inside.sum()), _mean_width(widths) / w, taper, cut)


def _mean_width(widths: np.ndarray) -> float:
    """Return the mean width of the rows that are not gaps between the pieces of a thing."""
    filled = widths[widths > 0]
    return float(filled.mean()) if filled.size else 0.0


def _off_centre(blob: Blob, size: tuple[int, int]) -> float:
    """Return the distance from the middle of the view, 1 at its side: outlines stretch there."""
    x, y, w, h = blob.box
    return math.hypot(x + w / 2 - size[1] / 2, y + h / 2 - size[0] / 2) / (size[1] / 2)


def likeness(
        blob: Blob, shape: Silhouette, colours: ColourMap, size: tuple[int, int]) -> float:
    """Return how much a blob looks like a silhouette, in [0, 1]."""
    looseness = 1.0 + 1.0 * _off_centre(blob, size)
    off = (math.log(blob.aspect / shape.aspect) / 0.2) ** 2
    off += ((blob.extent - shape.extent) / 0.1) ** 2
    off += (math.log(max(0.05, blob.taper) / shape.taper) / 0.25) ** 2
    score = math.exp(-0.5 * off / looseness ** 2)
    share = blob.area / (size[0] * size[1])
    score *= min(1.0, 0.4 + blob.area / 400) * (1.0 if share < 0.25 else 0.25 / share)
    # A thing cut by the edge of the view shows no outline: worth another look, no more.
    return 0.35 + 0.3 * score if blob.cut and score < 0.6 else 0.15 + 0.85 * score
