# SPDX-License-Identifier: Apache-2.0
"""Files that commands write at their end, refused at their beginning."""

from __future__ import annotations

import os
from pathlib import Path

from hvs_ros.core.errors import InputError


def writable(option: str, name: str | Path) -> Path:
    """Return the file, refused now rather than after minutes of work; raise ``InputError``."""
    path = Path(name)
    if path.is_dir():
        raise InputError(f'{option} {name}: is a folder, not a file')
    if not path.parent.is_dir():
        raise InputError(f'{option} {name}: there is no folder {path.parent}')
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InputError(f'{option} {name}: {path} cannot be written to')
    return path
