# SPDX-License-Identifier: Apache-2.0
"""Panoramas from a file or a folder of files, checked before the first is shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hvs_ros.core.errors import InputError
from hvs_ros.core.panorama import PanoramaFile, decode

SUFFIXES = ('.jpg', '.jpeg', '.png', '.webp')


def encoding(content: bytes) -> str:
    """Return the name CompressedImage gives to these bytes' format."""
    if content[:4] == b'\x89PNG':
        return 'png'
    return 'webp' if content[8:12] == b'WEBP' else 'jpeg'


class ImageSource:
    """
    Step through the images of ``source``, a file or a folder (in order of names).

    Raise ``InputError`` naming the file when there is none or its header is broken.
    """

    def __init__(self, source: str, loop: bool = True) -> None:
        path = Path(source).expanduser()
        if path.is_dir():
            files = sorted(
                entry for entry in path.iterdir()
                if entry.suffix.lower() in SUFFIXES and not entry.name.startswith('.'))
        else:
            files = [path] if source and path.is_file() else []
        if not files:
            raise InputError(
                f'panorama source {source!r}: no image there ({", ".join(SUFFIXES)})')
        self._files = [PanoramaFile(file) for file in files]
        for file in self._files:
            file.header(whole=True)
        self._loop, self._index = loop, -1
        self.count, self.name, self.content, self.kind = len(files), '', b'', ''

    def advance(self) -> None:
        """Go on to the next image; a source of one stays where it is."""
        last = self._index == len(self._files) - 1
        if last and (not self._loop or len(self._files) == 1):
            return
        self._index = 0 if last else self._index + 1
        file = self._files[self._index]
        self.name, self.content = file.name, file.read()
        self.kind = encoding(self.content)

    def pixels(self) -> np.ndarray:
        """Return the present image as (H, W, 3) uint8 BGR."""
        return decode(self.content, self.name)
