# SPDX-License-Identifier: Apache-2.0
"""Windows and levels follow the pixels of a mask, by the benchmark's definitions."""
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from hvs_ros.scenes.annotation import (
    object_item,
    object_level,
    path_item,
    pitch_window,
    visible_share,
    yaw_window,
)


def mask(columns: list[int], rows: list[int] | None = None) -> np.ndarray:
    """Return a 360 x 180 mask: column 180 is yaw 0, row 90 is pitch 0."""
    out = np.zeros((180, 360), bool)
    out[np.ix_(rows or [90], [c % 360 for c in columns])] = True
    return out


@pytest.mark.parametrize(('columns', 'window'), [
    ([180], (359.5, 0.5)),
    (list(range(190, 200)), (9.5, 19.5)),
    (list(range(175, 186)), (354.5, 5.5)),
    (list(range(355, 365)), (174.5, 184.5)),
    ([10, 60], (189.5, 240.5)),
    ([170, 200], (349.5, 20.5)),
])
def test_a_yaw_window_is_tight_and_wraps_at_yaw_zero(columns, window):
    assert yaw_window(mask(columns)) == pytest.approx(window)


def test_a_mask_all_around_is_the_full_circle():
    assert yaw_window(mask(list(range(360)))) == (0.0, 360.0)


@given(st.integers(0, 359), st.integers(1, 300))
def test_a_yaw_window_is_as_wide_as_its_run_of_columns(first, count):
    low, high = yaw_window(mask(list(range(first, first + count))))
    assert (high - low) % 360 == pytest.approx(count)


@pytest.mark.parametrize(('rows', 'window'), [
    ([90], (-0.5, 0.5)), ([80, 85], (4.5, 10.5)), ([100], (-10.5, -9.5)),
    ([0], (89.5, 90.0)), ([179], (-89.5, -88.5)),
])
def test_a_pitch_window_is_tight_and_up_is_positive(rows, window):
    assert pitch_window(mask([180], rows)) == pytest.approx(window)


@pytest.mark.parametrize(('yaw', 'pitch', 'start', 'share'), [
    (0, 0, 0, 1.0), (49, 0, 0, 1.0), (51, 0, 0, 0.0), (180, 0, 0, 0.0), (180, 0, 180, 1.0),
    (271, 0, 270, 1.0), (0, 33, 0, 1.0), (0, 35, 0, 0.0), (0, -33, 0, 1.0), (49, 25, 0, 0.0),
])
def test_the_first_view_is_100_degrees_wide_and_16_to_9(yaw, pitch, start, share):
    assert visible_share(mask([180 + yaw], [90 - pitch]), start) == pytest.approx(share)


def test_a_mask_half_outside_the_first_view_counts_by_half():
    assert visible_share(mask(list(range(180 + 45, 180 + 56))), 0) == pytest.approx(6 / 11)


@pytest.mark.parametrize(('share', 'level'), [(1.0, 0), (0.5, 0), (0.49, 1), (0.01, 1), (0, 2)])
def test_levels_of_objects_follow_the_visible_share(share, level):
    assert object_level(share) == level


def test_an_object_item_has_a_pitch_window_and_a_level_for_every_start():
    item = object_item('Find the red ball', mask([180, 181], [90, 91]))
    assert item == {'task': 'Find the red ball', 'yaw': [359.5, 1.5], 'pitch': [-1.5, 0.5],
                    'initial yaw': [0, 90, 180, 270], 'level': [0, 2, 2, 2]}


def test_a_path_item_has_no_pitch():
    item = path_item('Go to gate B7', mask([200]), 2)
    assert item == {'task': 'Go to gate B7', 'yaw': [19.5, 20.5],
                    'initial yaw': [0, 90, 180, 270], 'level': [2, 2, 2, 2]}
