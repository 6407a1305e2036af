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
from hvs_ros.core.problems import Problem, Report

MAX_FILE_BYTES = 1 << 29
"""A 16384 x 8192 panorama as PNG stays below this."""
_MAX_RATIO = 200
"""Deflate reaches 1000 on zeros; pictures and annotations stay far below 100."""
_RATIO_MATTERS_FROM = 1 << 23
# NotImplementedError is zipfile's word for a compression it does not know
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
            raise self.error(f'{self.name} cannot be read: {reason(error)}') from error

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


def refuse(problem: Problem) -> None:
    """Raise ``EpisodeError`` for the first problem that keeps episodes from being loaded."""
    if problem.weight == 'refused':
        raise EpisodeError(problem.sentence)


def list_files(path: Path, marker: str, report: Report = refuse) -> Listing:
    """
    Return the files of a folder, at most three levels down, or of a zip.

    A folder that holds ``marker`` is not entered further. Hidden files are left out, and so is
    what macOS adds to archives. ``report`` is told of folders and members that cannot be used;
    what it returns from is left out.
    """
    if path.is_dir():
        found: Listing = {}
        _scan(path, '', marker, found, report)
        return found
    if path.is_file():
        return _list_zip(path, report)
    raise EpisodeError(f'{path}: no such folder or zip')


def _is_hidden(name: str) -> bool:
    return name.startswith('.') or name == '__MACOSX'


def _scan(folder: Path, prefix: str, marker: str, found: Listing, report: Report) -> None:
    """Add the files below ``folder`` to ``found``."""
    entries: list[os.DirEntry[str]] = []
    try:
        with os.scandir(folder) as scan:
            entries = sorted((e for e in scan if not _is_hidden(e.name)), key=lambda e: e.name)
    except OSError as error:
        report(Problem(str(folder), '', f'{folder} cannot be read: {reason(error)}'))
    folders = []
    for entry in entries:
        # DirEntry raises for a link to itself, os.path does not.
        if os.path.isfile(entry.path) and not _odd_name(entry.name):
            size = os.stat(entry.path).st_size
            found[prefix + entry.name] = StoredFile(Path(entry.path), None, size)
            continue
        if os.path.isdir(entry.path) and entry.name != marker and not _odd_name(entry.name):
            folders.append(entry)
            continue
        _report_odd(entry, marker, report)
    if prefix.count('/') == 2 or prefix + marker in found:
        return
    for entry in folders:
        _scan(Path(entry.path), f'{prefix}{entry.name}/', marker, found, report)


def _report_odd(entry: os.DirEntry[str], marker: str, report: Report) -> None:
    """Tell of an entry that is neither a file nor a folder to enter, where it matters."""
    shown, fault = printable(entry.path), _odd_name(entry.name)
    if fault:
        report(Problem(shown, '', f'{shown} {fault}'))
    elif not os.path.exists(entry.path):
        report(Problem(
            shown, '', f'{shown} is a link to nothing',
            'refused' if entry.name == marker else 'wrong'))
    elif entry.name == marker:
        report(Problem(shown, '', f'{shown} is no file'))


def printable(name: str) -> str:
    """Return a file's name with what cannot be printed written as escapes."""
    name = os.fsencode(name).decode('utf-8', 'backslashreplace')
    return ''.join(c if c.isprintable() else repr(c)[1:-1] for c in name)


def _odd_name(name: str) -> str:
    """Return what keeps a name out of ids, which are text of one line."""
    if any(ord(c) < 32 or ord(c) == 127 for c in name):
        return 'has a control character in its name'
    return 'has a name that is not UTF-8' if not is_text(name) else ''


def is_text(string: str) -> bool:
    """Return whether a string can be written as UTF-8: it holds no lone surrogate."""
    return not any('\ud800' <= c <= '\udfff' for c in string)


def _list_zip(path: Path, report: Report) -> Listing:
    """Return the members of the zip; those that are dangerous are reported."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
    except _READ_ERRORS as error:
        raise EpisodeError(f'{path} is neither a folder nor a zip: {reason(error)}') from error
    found: Listing = {}
    for info in members:
        name = printable(str(path / info.filename))
        fault = _fault_of(info)
        if fault:
            report(Problem(name, '', f'{path}: the member {info.filename!r} {fault}'))
            continue
        parts = info.filename.split('/')
        if any(_is_hidden(part) for part in parts):
            continue
        if info.filename in found:
            report(Problem(name, '', f'{path} holds {info.filename!r} twice'))
            continue
        found[info.filename] = StoredFile(path, info.filename, info.file_size)
    return found


def _fault_of(info: zipfile.ZipInfo) -> str:
    """Return what forbids reading a member: a name that leaves the archive, encryption, a bomb."""
    name = info.filename
    if name.startswith(('/', '\\')) or re.match(r'[A-Za-z]:', name) or (
            '..' in re.split(r'[\\/]', name)):
        return 'points outside the archive'
    if '\\' in name:
        return 'has backslashes in its name where folders end; pack the archive anew'
    if _odd_name(name):
        return _odd_name(name)
    if info.flag_bits & 1:
        return 'is encrypted'
    if info.file_size > MAX_FILE_BYTES:
        return f'is {info.file_size} bytes, more than {MAX_FILE_BYTES}'
    if info.file_size > max(_RATIO_MATTERS_FROM, _MAX_RATIO * info.compress_size):
        return (f'unpacks from {info.compress_size} to {info.file_size} bytes, '
                'which no picture does')
    return ''


def reason(error: BaseException) -> str:
    """Return why in a few words, without the path that the sentence names already."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
