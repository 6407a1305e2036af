# SPDX-License-Identifier: Apache-2.0
"""Shared memory of dead processes is swept, that of living ones never."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from hvs_ros.ros.shared_memory import sweep


def segment(folder: Path, name: str, age_s: float) -> Path:
    for path in (folder / name, folder / f'{name}_el'):
        path.write_bytes(b'x')
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age_s))
    return folder / name


def test_only_segments_nobody_holds_are_removed(tmp_path: Path) -> None:
    dead = segment(tmp_path, 'fastdds_0123456789abcdef', 60)
    alive = segment(tmp_path, 'fastdds_fedcba9876543210', 60)
    young = segment(tmp_path, 'fastdds_00000000000000aa', 0)
    others = segment(tmp_path, 'fastdds_port7400', 60)
    with (tmp_path / f'{alive.name}_el').open('rb') as stream:
        fcntl.flock(stream, fcntl.LOCK_SH)
        assert sweep(tmp_path) == 1
    assert not dead.exists() and not (tmp_path / f'{dead.name}_el').exists()
    assert alive.exists() and young.exists() and others.exists()


def test_a_machine_without_such_memory_is_fine(tmp_path: Path) -> None:
    assert sweep(tmp_path / 'nowhere') == 0
