# SPDX-License-Identifier: Apache-2.0
"""Benchmark folders of our own, shared by the tests of a folder."""

from __future__ import annotations

from pathlib import Path

from evaluation_fixtures import OBJECT_ITEMS, PATH_ITEMS, write_scene
import pytest


@pytest.fixture(scope='session')
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """25 episodes: wrapped, full-circle and path windows, decimal starts, a 16:9 panorama."""
    root = tmp_path_factory.mktemp('dataset')
    write_scene(root / 'a', 'flat', OBJECT_ITEMS, seed=1)
    write_scene(root / 'a', 'wide', OBJECT_ITEMS[:2], (256, 144), '.png', seed=2)
    write_scene(root / 'b', 'hall', PATH_ITEMS, seed=3)
    return root


@pytest.fixture(scope='session')
def large_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 episodes in 25 panoramas, so that a run can be hit in its middle."""
    root = tmp_path_factory.mktemp('large')
    for place in range(25):
        write_scene(root / 'hos', f'scene_{place:02}', [OBJECT_ITEMS[0]] * 3, seed=place)
    return root
