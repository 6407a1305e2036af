# SPDX-License-Identifier: Apache-2.0
"""Read files in a folder or in a zip alike, in place and without trusting either."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import hashlib
import os
from pathlib import Path
import re
from typing import BinaryIO, ClassVar
import zipfile
import zlib

from hvs_ros.core.errors import InputError

MAX_FILE_BYTES = 1 << 29
"""A 16384 x 8192 panorama as PNG stays below this."""
_MAX_RATIO = 200
"""Deflate reaches 1000 on zeros; pictures and annotations stay far below 100."""
_RATIO_MATTERS_FROM = 1 << 23
_READ_ERRORS = (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)


class EpisodeError(InputError):
    """Name what is wrong with the files that episodes come from."""


@dataclass(frozen=True)
class StoredFile:
    """
    Name a file on disk, or a member of the zip at ``source``.

    Opens what it names anew each time, so that it may travel between threads and processes.
    """

    source: Path
    member: str | None = None
    size: int = 0
    error: ClassVar[type[InputError]] = EpisodeError

    @property
    def name(self) -> str:
        """Return how messages name the file."""
        return str(self.source if self.member is None else self.source / self.member)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open for reading; an error while open is told in one sentence."""
        try:
            if self.member is None:
                with self.source.open('rb') as stream:
                    yield stream
            else:
                with zipfile.ZipFile(self.source) as archive, archive.open(self.member) as part:
                    yield part  # type: ignore[misc]
        except _READ_ERRORS as error:
            raise self.error(f'{self.name} cannot be read: {_reason(error)}') from error

    def read(self) -> bytes:
        """Return the whole content; never more than ``MAX_FILE_BYTES``."""
        with self.open() as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise self.error(f'{self.name} is larger than {MAX_FILE_BYTES} bytes')
        return content

    def sha256(self) -> str:
        """Return the hash of the content."""
        return hashlib.sha256(self.read()).hexdigest()


Listing = dict[str, StoredFile]
"""Relative posix path -> file."""


def list_files(path: Path, marker: str) -> Listing:
    """
    Return the files of a folder, at most three levels down, or of a zip.

    A folder that holds ``marker`` is not entered further. Hidden files are left out, and so is
    what macOS adds to archives.
    """
    if path.is_dir():
        found: Listing = {}
        _scan(path, '', marker, found)
        return found
    if path.is_file():
        return _list_zip(path)
    raise EpisodeError(f'{path}: no such folder or zip')


def _is_hidden(name: str) -> bool:
    return name.startswith('.') or name == '__MACOSX'


def _scan(folder: Path, prefix: str, marker: str, found: Listing) -> None:
    """Add the files below ``folder`` to ``found``."""
    try:
        with os.scandir(folder) as scan:
            entries = sorted((e for e in scan if not _is_hidden(e.name)), key=lambda e: e.name)
        files = [entry for entry in entries if entry.is_file()]
        folders = [entry for entry in entries if entry.is_dir()]
        for entry in files:
            found[prefix + entry.name] = StoredFile(Path(entry.path), None, entry.stat().st_size)
    except OSError as error:
        raise EpisodeError(f'{folder} cannot be read: {_reason(error)}') from error
    if prefix.count('/') == 2 or any(entry.name == marker for entry in files):
        return
    for entry in folders:
        _scan(Path(entry.path), f'{prefix}{entry.name}/', marker, found)


def _list_zip(path: Path) -> Listing:
    """Return the members of the zip, refusing the whole zip when one of them is dangerous."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
    except _READ_ERRORS as error:
        raise EpisodeError(f'{path} is neither a folder nor a zip: {_reason(error)}') from error
    found: Listing = {}
    for info in members:
        _check_member(path, info)
        parts = info.filename.split('/')
        if any(_is_hidden(part) for part in parts):
            continue
        if info.filename in found:
            raise EpisodeError(f'{path} holds {info.filename!r} twice')
        found[info.filename] = StoredFile(path, info.filename, info.file_size)
    return found


def _check_member(path: Path, info: zipfile.ZipInfo) -> None:
    """Refuse names that leave the archive, encryption and bombs."""
    name = info.filename
    if name.startswith(('/', '\\')) or re.match(r'[A-Za-z]:', name) or (
            '..' in re.split(r'[\\/]', name)):
        raise EpisodeError(f'{path}: the member {name!r} points outside the archive')
    if info.flag_bits & 1:
        raise EpisodeError(f'{path}: the member {name!r} is encrypted')
    if info.file_size > MAX_FILE_BYTES:
        raise EpisodeError(
            f'{path}: the member {name!r} is {info.file_size} bytes, more than {MAX_FILE_BYTES}')
    if info.file_size > max(_RATIO_MATTERS_FROM, _MAX_RATIO * info.compress_size):
        raise EpisodeError(
            f'{path}: the member {name!r} unpacks from {info.compress_size} to '
            f'{info.file_size} bytes, which no picture does')


def _reason(error: BaseException) -> str:
    """Return why in a few words, without the path that the sentence names already."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
