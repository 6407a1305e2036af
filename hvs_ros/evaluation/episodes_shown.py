# SPDX-License-Identifier: Apache-2.0
"""Fill a page's store with the episodes that are told in full, within what it has room for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from hvs_ros.core.panorama import PanoramaFile
from hvs_ros.evaluation.blocks import Store
from hvs_ros.evaluation.cards import Chosen, story
from hvs_ros.evaluation.config import ViewConfig
from hvs_ros.evaluation.figures import PANORAMA, Drawing
from hvs_ros.evaluation.panorama_files import PanoramaFiles
from hvs_ros.evaluation.pictures import FULL, LADDER, Sizes, draw
from hvs_ros.evaluation.run_files import Key, record_key

SAMPLED_EPISODES = 24
_MOST_VIEW_BYTES, _MOST_PANORAMA_BYTES = 40_000, 200_000
Record = Mapping[str, Any]


@dataclass
class Shown:
    """Say which record numbers have a story, which have pictures, and what went wrong."""

    stories: set[int] = field(default_factory=set)
    pictured: set[int] = field(default_factory=set)
    sizes: Sizes = FULL
    cut_stories: int = 0
    cut_pictures: int = 0
    problems: list[str] = field(default_factory=list)


def fill(
        store: Store, numbers: Mapping[Key, int], chosen: Chosen, found: PanoramaFiles,
        view: ViewConfig) -> Shown:
    """
    Put the chosen episodes into the store; the most telling ones first when room is short.

    ``numbers`` is under which number the page knows a record.
    """
    shown = Shown(problems=list(found.problems))
    places = {file: place for place, file in enumerate(dict.fromkeys(found.files.values()))}
    for record in chosen.records:
        number, file = numbers[record_key(record)], found.files.get(record['id'])

        def picture(drawing: Drawing, file: PanoramaFile | None = file) -> str:
            if drawing.picture == PANORAMA:
                return '' if file is None else store.panorama(places[file])
            return store.picture(drawing.picture) if isinstance(drawing.picture, bytes) else ''

        if store.add_story(number, story(record, picture)):
            shown.stories.add(number)
        else:
            shown.cut_stories += 1
    told = [r for r in chosen.records if numbers[record_key(r)] in shown.stories]
    _fill_pictures(store, numbers, told, found.files, places, view, shown)
    return shown


def _fill_pictures(
        store: Store, numbers: Mapping[Key, int], told: Sequence[Record],
        files: Mapping[str, PanoramaFile], places: Mapping[PanoramaFile, int], view: ViewConfig,
        shown: Shown) -> None:
    seen = [record for record in told if record['id'] in files]
    shown.sizes, fitting = fit(files, seen, view, store.room)
    shown.cut_pictures = len(seen) - len(fitting)
    for drawn in draw(files, fitting, view, shown.sizes):
        if drawn.panorama is None:
            shown.problems.append(f'No pictures from a panorama that cannot be used: '
                                  f'{drawn.problem}.')
            continue
        store.add_panorama(places[drawn.file], drawn.panorama)
        for key, jpegs in drawn.views.items():
            if store.add_views(numbers[key], jpegs):
                shown.pictured.add(numbers[key])
            else:
                shown.cut_pictures += 1


def fit(
        files: Mapping[str, PanoramaFile], records: Sequence[Record], view: ViewConfig,
        room: float) -> tuple[Sizes, Sequence[Record]]:
    """
    Return the largest sizes at which the records' pictures fit into ``room`` bytes of page.

    Where even the smallest do not, the first records that do. Sizes in bytes are estimated from
    pictures of a few of the records; a page bounds what is really added once more.
    """
    usual, panorama = float(_MOST_VIEW_BYTES), float(_MOST_PANORAMA_BYTES)
    if _bytes(files, records, usual, panorama) <= room:
        return FULL, records
    step = max(1, len(records) // SAMPLED_EPISODES)
    sample = [{**record, 'turns': record['turns'][:3]} for record in records[::step]]
    for sizes in LADDER:
        drawn = [one for one in draw(files, sample, view, sizes) if one.panorama]
        views = [len(jpeg) for one in drawn for jpeg in chain(*one.views.values())]
        if not views:
            return sizes, records
        usual = 4 / 3 * sum(views) / len(views)
        panorama = 4 / 3 * sum(len(one.panorama or b'') for one in drawn) / len(drawn)
        if _bytes(files, records, usual, panorama) <= 0.92 * room:
            return sizes, records
    return LADDER[-1], _first(files, records, usual, panorama, 0.92 * room)


def _bytes(
        files: Mapping[str, PanoramaFile], records: Sequence[Record], view: float,
        panorama: float) -> float:
    return (view * sum(len(record['turns']) for record in records)
            + panorama * len({files[record['id']] for record in records}))


def _first(
        files: Mapping[str, PanoramaFile], records: Sequence[Record], view: float,
        panorama: float, room: float) -> list[Record]:
    kept, known = [], set()
    for record in records:
        file = files[record['id']]
        room -= view * len(record['turns']) + (0 if file in known else panorama)
        if room < 0:
            break
        known.add(file)
        kept.append(record)
    return kept
