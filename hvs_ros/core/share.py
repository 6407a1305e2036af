# SPDX-License-Identifier: Apache-2.0
"""Find the files that ship beside the package: configuration, sample episodes, models."""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path
import sys

from hvs_ros.core.errors import InputError

_PACKAGE = Path(__file__).resolve().parents[1]


def _share_folders() -> Iterator[Path]:
    """Yield where shipped files may lie, nearest first."""
    if (_PACKAGE.parent / 'pyproject.toml').is_file():  # a checkout, not site-packages
        yield _PACKAGE.parent
    # where the package itself was installed, which an overlay's is not in sys.prefix
    if len(_PACKAGE.parents) > 3:
        yield _PACKAGE.parents[3] / 'share' / _PACKAGE.name
    yield Path(sys.prefix) / 'share' / _PACKAGE.name
    for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep):
        if prefix:
            yield Path(prefix) / 'share' / _PACKAGE.name


def share_path(relative: str) -> Path:
    """
    Return the shipped file or folder called ``relative``, such as ``config/replay.yaml``.

    Raise ``InputError`` when no share folder holds it.
    """
    looked = []
    for folder in dict.fromkeys(_share_folders()):
        candidate = folder / relative
        if candidate.exists():
            return candidate
        looked.append(str(folder))
    raise InputError(f'{relative} was not installed; looked in {", ".join(looked)}')
