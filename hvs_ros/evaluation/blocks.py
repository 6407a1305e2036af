# SPDX-License-Identifier: Apache-2.0
"""Where a page keeps episodes until somebody scrolls to them: inert blocks, or files beside."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
import math
import os
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from markupsafe import Markup

from hvs_ros.core.errors import InputError
from hvs_ros.evaluation.cards import inert

PAGE_BYTES = 58_000_000
"""What a page may come to: below the 60 MB that mail and chat programs and people put up with."""
TEXT_BYTES = 24_000_000
_MARK = '.hvs-report'
_TAG_BYTES = 80


class Store(Protocol):
    """
    Keep the parts of episodes that are shown only when scrolled to, under their numbers.

    Each ``add_`` returns whether there was room, of which ``room`` bytes are left.
    """

    @property
    def room(self) -> float:
        """Return how many bytes there is room for."""

    def add_story(self, number: int, story: Mapping[str, Any]) -> bool:
        """Keep an episode's turns and drawings."""

    def add_views(self, number: int, jpegs: Sequence[bytes]) -> bool:
        """Keep an episode's film strip."""

    def add_panorama(self, number: int, jpeg: bytes) -> bool:
        """Keep a panorama."""

    def panorama(self, number: int) -> str:
        """Return where the page finds a panorama."""

    def picture(self, content: bytes) -> str:
        """Return where the page finds any other picture."""


class InertBlocks:
    """Keep everything in the page itself, as JSON that no browser runs or decodes by itself."""

    def __init__(self, room: int = PAGE_BYTES) -> None:
        self._room = room
        self._text_room = min(TEXT_BYTES, room)
        self._blocks: list[tuple[str, str]] = []

    @property
    def room(self) -> int:
        """Return how many bytes there is room for."""
        return self._room

    def add_story(self, number: int, story: Mapping[str, Any]) -> bool:
        """Keep an episode's turns and drawings."""
        block = inert(story)
        if len(block) > self._text_room or not self._add(f'story-{number}', block):
            return False
        self._text_room -= len(block)
        return True

    def add_views(self, number: int, jpegs: Sequence[bytes]) -> bool:
        """Keep an episode's film strip."""
        return self._add(f'views-{number}', inert([_data_uri(jpeg) for jpeg in jpegs]))

    def add_panorama(self, number: int, jpeg: bytes) -> bool:
        """Keep a panorama."""
        return self._add(f'panorama-{number}', inert(_data_uri(jpeg)))

    def panorama(self, number: int) -> str:
        """Return where the page finds a panorama."""
        return f'#panorama-{number}'

    def picture(self, content: bytes) -> str:
        """Return the picture itself."""
        return _data_uri(content)

    def __iter__(self) -> Iterator[tuple[str, Markup]]:
        """Yield (name, JSON that no markup can begin or end in) of every block."""
        return ((name, Markup(block)) for name, block in self._blocks)

    def _add(self, name: str, block: str) -> bool:
        size = len(block) + _TAG_BYTES
        if size > self._room:
            return False
        self._room -= size
        self._blocks.append((name, block))
        return True


class AssetFiles:
    """Keep everything in files of a folder beside the page, so that there is no limit."""

    room = math.inf

    def __init__(self, folder: Path, page: Path) -> None:
        self._folder = folder
        self._from_page = quote(Path(os.path.relpath(folder, page.parent)).as_posix())
        self._others = 0
        _take(folder)

    @property
    def url(self) -> str:
        """Return the folder as the page names it."""
        return self._from_page

    def add_story(self, number: int, story: Mapping[str, Any]) -> bool:
        """Keep an episode's turns and drawings, as a script that hands them to the page."""
        self._write(f'stories/{number}.js', f'hvsStory({number},{inert(story)})\n'.encode())
        return True

    def add_views(self, number: int, jpegs: Sequence[bytes]) -> bool:
        """Keep an episode's film strip."""
        for place, jpeg in enumerate(jpegs):
            self._write(f'views/{number}-{place}.jpg', jpeg)
        return True

    def add_panorama(self, number: int, jpeg: bytes) -> bool:
        """Keep a panorama."""
        self._write(f'panoramas/{number}.jpg', jpeg)
        return True

    def panorama(self, number: int) -> str:
        """Return where the page finds a panorama."""
        return f'{self._from_page}/panoramas/{number}.jpg'

    def picture(self, content: bytes) -> str:
        """Keep any other picture and return where the page finds it."""
        self._others += 1
        name = f'pictures/{self._others}.{"png" if _is_png(content) else "jpg"}'
        self._write(name, content)
        return f'{self._from_page}/{name}'

    def __iter__(self) -> Iterator[tuple[str, Markup]]:
        """Yield nothing: no block stands in the page."""
        return iter(())

    def _write(self, name: str, content: bytes) -> None:
        path = self._folder / name
        try:
            path.write_bytes(content)
        except OSError as error:
            raise InputError(f'{path}: cannot be written ({error.strerror})') from error


def _take(folder: Path) -> None:
    """Make the folder ours, empty of what an earlier report left; refuse what is not ours."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = [entry.name for entry in folder.iterdir()]
        if held and _MARK not in held:
            raise InputError(
                f'{folder}: holds other files ({min(held)}); --assets needs a folder of its own')
        (folder / _MARK).touch()
        for part in ('stories', 'views', 'panoramas', 'pictures'):
            (folder / part).mkdir(exist_ok=True)
            for path in (folder / part).iterdir():
                path.unlink()
    except OSError as error:
        raise InputError(f'{folder}: cannot hold a report ({error.strerror})') from error


def _is_png(content: bytes) -> bool:
    return content.startswith(b'\x89PNG')


def _data_uri(content: bytes) -> str:
    kind = 'png' if _is_png(content) else 'jpeg'
    return f'data:image/{kind};base64,' + base64.b64encode(content).decode('ascii')
