# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from hvs_ros.planners.base import PlannerUnavailable
from hvs_ros.planners.detections import MOST_BOXES, hits_of_boxes, hits_of_heat, sigmoid

SIZE = (320, 180)


def boxes_of(*boxes):
    return hits_of_boxes('cup', np.array([box[:4] for box in boxes], float),
                         np.array([box[4] for box in boxes]), SIZE)


def test_of_boxes_that_overlap_the_best_is_kept():
    hits = boxes_of((10, 10, 50, 50, 0.5), (12, 10, 52, 50, 0.9), (200, 10, 240, 50, 0.7))
    assert [(hit.score, hit.box.left) for hit in hits] == [(0.9, 12), (0.7, 200)]


def test_boxes_end_where_the_view_does():
    hit, = boxes_of((-40, 100, 60, 400, 0.5))
    assert (hit.box.left, hit.box.top, hit.box.right, hit.box.bottom) == (0, 100, 60, 180)


def test_boxes_beyond_the_view_of_no_size_or_no_score_are_none():
    assert boxes_of((400, 10, 500, 50, 0.9), (10, 10, 10, 50, 0.9), (50, 50, 10, 10, 0.9),
                    (10, 10, 50, 50, 0.0)) == []
    assert hits_of_boxes('cup', np.zeros((1, 4)), np.zeros(1), SIZE) == []


def test_only_the_best_of_many_boxes_are_told():
    hits = boxes_of(*((10 * k, 10, 10 * k + 8, 20, 0.02 * k + 0.1) for k in range(30)))
    assert len(hits) == MOST_BOXES and hits[0].score == pytest.approx(0.68)


@pytest.mark.parametrize('scores', [[np.nan], [np.inf], [1.5], [-0.1]])
def test_scores_that_are_no_shares_are_no_answer(scores):
    with pytest.raises(PlannerUnavailable):
        hits_of_boxes('cup', np.array([[0, 0, 9, 9]]), np.array(scores), SIZE)
    with pytest.raises(PlannerUnavailable):
        hits_of_heat('cup', np.array([scores]), SIZE)


def test_a_box_that_is_nowhere_is_no_answer():
    with pytest.raises(PlannerUnavailable, match='not finite'):
        hits_of_boxes('cup', np.array([[0, np.nan, 9, 9]]), np.array([0.5]), SIZE)


def test_logits_of_any_size_become_shares():
    assert sigmoid(np.array([-np.inf, -1000, 0, 1000])).tolist() == [0, 0, 0.5, 1]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(column=st.integers(0, 28), row=st.integers(0, 14), wide=st.integers(1, 4),
       high=st.integers(1, 4), top=st.floats(0.1, 1))
def test_a_hot_place_becomes_its_box(column, row, wide, high, top):
    heat = np.full((18, 32), 0.01)
    heat[row:row + high, column:column + wide] = top
    best = hits_of_heat('cup', heat, SIZE)[0]
    assert best.score == pytest.approx(top)
    assert (best.box.left, best.box.top) == (column * 10, row * 10)
    assert (best.box.right, best.box.bottom) == ((column + wide) * 10, (row + high) * 10)


def test_hot_places_are_told_apart_hottest_first():
    heat = np.zeros((18, 32))
    heat[3, 4], heat[10, 20], heat[10, 21] = 0.6, 0.9, 0.8
    hits = hits_of_heat('cup', heat, SIZE)
    assert [(hit.score, hit.box.left, hit.box.right) for hit in hits] == [
        (0.9, 200, 220), (0.6, 40, 50)]


def test_no_heat_is_no_hit():
    assert hits_of_heat('cup', np.zeros((18, 32)), SIZE) == []


@settings(max_examples=40, deadline=None, derandomize=True)
@given(x=st.integers(20, 299), y=st.integers(20, 159),
       size=st.sampled_from([(320, 180), (333, 187)]))
def test_crops_that_show_a_thing_say_where_it_is(x, y, size):
    from hvs_ros.planners.grounder_huggingface import hits_of_crops, windows
    crops = windows(*size)
    scores = np.array([
        0.9 if left <= x - 8 and x + 8 <= right and top <= y - 8 and y + 8 <= bottom else 0.02
        for left, top, right, bottom in crops])
    best = hits_of_crops('cup', crops, scores, size)[0]
    assert best.score == pytest.approx(0.9)
    assert np.hypot(*np.subtract(best.box.centre, (x, y))) < 60
    assert best.box.right <= size[0] and best.box.bottom <= size[1]


@pytest.mark.parametrize('size', [(960, 540), (320, 180), (181, 180), (100, 400), (7, 5)])
def test_crops_cover_the_view(size):
    from hvs_ros.planners.grounder_huggingface import windows
    seen = np.zeros(size[::-1], int)
    for left, top, right, bottom in windows(*size):
        assert 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]
        seen[top:bottom, left:right] += 1
    assert seen.min() >= 2
