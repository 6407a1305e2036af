# SPDX-License-Identifier: Apache-2.0
"""Shared memory that Fast DDS leaves behind when a process is killed."""

from __future__ import annotations

import fcntl
from pathlib import Path
import re
import time

_LOCK = re.compile(r'fastdds_[0-9a-f]{16}_el')
_YOUNG_S = 5.0  # a segment this fresh may still wait for its owner's lock


def sweep(folder: Path = Path('/dev/shm')) -> int:
    """
    Remove the segments of dead processes and return how many there were.

    Fast DDS keeps a shared lock on ``<segment>_el`` as long as a segment's owner lives and
    cleans up only when it ends by itself; a killed node would leave 256 MB.
    """
    removed = 0
    for lock in filter(lambda path: _LOCK.fullmatch(path.name), folder.glob('fastdds_*')):
        segment = lock.with_name(lock.name.removesuffix('_el'))
        try:
            if time.time() - lock.stat().st_mtime < _YOUNG_S or not _is_free(lock):
                continue
            segment.unlink(missing_ok=True)
            lock.unlink(missing_ok=True)
            removed += 1
        except OSError:
            continue  # another's, or gone meanwhile
    return removed


def _is_free(lock: Path) -> bool:
    with lock.open('rb') as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
