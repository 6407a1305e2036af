# SPDX-License-Identifier: Apache-2.0
"""Rays meet shapes where geometry says, in the benchmark's directions."""
from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from hvs_ros.scenes.annotation import pitch_window, yaw_window
from hvs_ros.scenes.materials import plain
from hvs_ros.scenes.rays import PanoramaRays, ParallelRays, PixelRays, cast
from hvs_ros.scenes.shapes import Box, Cone, Ellipsoid, Panel, Shape

GREY = plain((128.0, 128.0, 128.0))
EYE = (0.0, 1.5, 0.0)


def ball(x: float, y: float, z: float, radius: float = 0.4) -> Ellipsoid:
    return Ellipsoid((x, y, z), (radius, radius, radius), GREY)


@pytest.mark.parametrize(('place', 'yaw', 'pitch'), [
    ((0.0, 1.5, 4.0), 0.0, 0.0),
    ((4.0, 1.5, 0.0), 90.0, 0.0),
    ((0.0, 1.5, -4.0), 180.0, 0.0),
    ((-4.0, 1.5, 0.0), 270.0, 0.0),
    ((4.0, 5.5, 0.0), 90.0, 45.0),
    ((0.0, -2.5, 4.0), 0.0, -45.0),
])
def test_a_ball_is_seen_in_its_benchmark_direction_and_as_wide_as_it_is(place, yaw, pitch):
    hits = cast([ball(*place)], PanoramaRays(1024, 512, EYE, 0.0))
    mask = hits.shape == 0
    low, high = yaw_window(mask)
    bottom, top = pitch_window(mask)
    away = float(np.linalg.norm(np.array(place) - EYE))
    half = np.degrees(np.arcsin(0.4 / away))
    middle = (low + (high - low) % 360 / 2) % 360
    assert abs((middle - yaw + 180) % 360 - 180) < 0.4
    assert (bottom + top) / 2 == pytest.approx(pitch, abs=0.4)
    assert top - bottom == pytest.approx(2 * half, abs=0.8)
    wide = np.degrees(np.arcsin(np.sin(np.radians(half)) / np.cos(np.radians(pitch))))
    assert (high - low) % 360 == pytest.approx(2 * wide, abs=0.8)


def test_the_yaw_of_a_panorama_is_the_world_direction_of_its_centre_column():
    hits = cast([ball(4.0, 1.5, 0.0)], PanoramaRays(1024, 512, EYE, np.pi / 2))
    low, high = yaw_window(hits.shape == 0)
    assert low > high
    assert (low + high) % 360 == pytest.approx(0.0, abs=0.8)


@pytest.mark.parametrize(('shape', 'distance'), [
    (ball(0.0, 1.5, 4.0, 0.5), 3.5),
    (Box((0.0, 1.5, 4.0), (1.0, 1.0, 1.0), GREY), 3.5),
    (Cone((0.0, 1.0, 4.0), (0.0, 2.0, 4.0), 0.5, 0.5, GREY), 3.5),
    (Cone((0.0, 1.0, 4.0), (0.0, 2.0, 4.0), 0.6, 0.2, GREY), 3.6),
    (Cone((0.0, 1.5, 3.5), (0.0, 1.5, 4.5), 0.5, 0.5, GREY), 3.5),
    (Panel((-0.5, 1.0, 3.5), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), GREY), 3.5),
])
def test_the_distance_straight_ahead_is_exact(shape, distance):
    hits = cast([shape], PanoramaRays(256, 128, EYE, 0.0))
    assert hits.distance[64, 128] == pytest.approx(distance, abs=1e-4)


def test_the_nearer_shape_hides_the_farther_one_whatever_the_order():
    near, far = ball(0.0, 1.5, 3.0), ball(0.0, 1.5, 6.0)
    for shapes in ([near, far], [far, near]):
        hits = cast(shapes, PanoramaRays(256, 128, EYE, 0.0))
        assert shapes[int(hits.shape[64, 128])] is near


def _shapes(kind: int, place: tuple[float, float, float], size: float, turn: float) -> Shape:
    x, y, z = place
    made: list[Shape] = [
        Ellipsoid((0, 0, 0), (size, size * 0.5, size * 1.5), GREY),
        Box((0, 0, 0), (size, size * 2, size * 0.3), GREY),
        Cone((0, 0, 0), (size, size, 0.3), size * 0.4, size * 0.1, GREY),
        Panel((-size, 0, 0), (2 * size, 0, 0), (0, size, 0), GREY),
        Panel((-size * 4, 0, 0), (8 * size, 0, 0), (0, 0, size * 3), GREY),
    ]
    return made[kind].moved(turn, (x, y, z))


places = st.tuples(st.floats(-4, 4), st.floats(-1, 5), st.floats(-4, 4)).filter(
    lambda p: np.hypot(p[0], p[2]) > 0.05)


@settings(max_examples=80, deadline=None)
@given(kind=st.integers(0, 4), place=places, size=st.floats(0.1, 3.0), turn=st.floats(-3, 3),
       yaw=st.floats(-3, 3))
def test_no_ray_that_meets_a_shape_lies_outside_its_window(kind, place, size, turn, yaw):
    shape = _shapes(kind, place, size, turn)
    rays = PanoramaRays(128, 64, EYE, yaw)
    whole = np.isfinite(shape.hit(rays.origin, rays.directions.reshape(3, -1))).reshape(64, 128)
    missed = whole & (cast([shape], rays).shape < 0)
    # A box that holds the eye has no window of its own; rays start inside nothing else.
    low, high = shape.corners.min(axis=0), shape.corners.max(axis=0)
    if not bool(np.all((low <= EYE) & (high >= EYE))):
        assert not missed.any()


@pytest.mark.parametrize('along', [-6.0, -2.1, 0.0, 1.3, 7.0])
def test_a_long_wall_close_by_leaves_no_gap_under_the_ceiling(along):
    wall = Panel((1.6, 0.0, -9.5 + along), (0.0, 0.0, 19.0), (0.0, 2.8, 0.0), GREY)
    rays = PanoramaRays(1024, 512, EYE, 0.0)
    whole = np.isfinite(wall.hit(rays.origin, rays.directions.reshape(3, -1))).reshape(512, 1024)
    assert np.array_equal(cast([wall], rays).shape == 0, whole)


@settings(max_examples=40, deadline=None)
@given(kind=st.integers(0, 4), place=places, size=st.floats(0.1, 2.0), turn=st.floats(-3, 3))
def test_chosen_pixels_see_what_the_whole_panorama_sees_there(kind, place, size, turn):
    shape = _shapes(kind, place, size, turn)
    rays = PanoramaRays(128, 64, EYE, 0.4)
    rows, columns = (grid.ravel() for grid in np.mgrid[0:64:3, 0:128:2])
    few = cast([shape], PixelRays(rays, rows, columns, [(0.0, 0.0)]))
    whole = cast([shape], rays).shape[rows, columns]
    # Directions are rounded on two paths: a ray along an edge may fall either way.
    assert int((few.shape != whole).sum()) <= 3


@settings(max_examples=60, deadline=None)
@given(kind=st.integers(0, 3), place=places, size=st.floats(0.2, 2.0), turn=st.floats(-3, 3))
def test_normals_are_unit_vectors_that_face_the_eye_where_a_convex_shape_is_hit(
        kind, place, size, turn):
    shape = _shapes(kind, place, size, turn)
    low, high = shape.corners.min(axis=0), shape.corners.max(axis=0)
    if bool(np.all((low <= EYE) & (high >= EYE))):
        return
    rays = PanoramaRays(128, 64, EYE, 0.0)
    t = shape.hit(rays.origin, rays.directions.reshape(3, -1))
    met = np.isfinite(t)
    directions = rays.directions.reshape(3, -1)[:, met]
    normals, u, v = shape.surface(rays.origin + directions * t[met])
    assert np.allclose(np.linalg.norm(normals, axis=0), 1, atol=1e-3)
    assert u.shape == v.shape == (int(met.sum()),)
    if kind in (0, 1):
        assert np.all((normals * directions).sum(axis=0) < 0.05)


def test_a_far_light_sees_the_top_of_what_stands_under_it():
    rays = ParallelRays((0.0, -1.0, 0.0), (0.0, 0.0, 0.0), 8.0, 64)
    hits = cast([Box((1.0, 1.0, 0.0), (1.0, 2.0, 1.0), GREY)], rays)
    depth = hits.distance + rays.offset
    column, row, own = rays.place(np.array([[1.0], [2.0], [0.0]], np.float32))
    assert depth[int(row[0]), int(column[0])] == pytest.approx(float(own[0]), abs=1e-3)
