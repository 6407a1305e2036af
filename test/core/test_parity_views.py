# SPDX-License-Identifier: Apache-2.0
"""Views against those the published harness rendered, and what those bounds can tell apart."""

from __future__ import annotations

import json
import math
from typing import NamedTuple

import cv2
from imaging_fixtures import SHARED, needs_shared, oracle_view, published_rotation
import numpy as np
import pytest

from hvs_ros.core import renderer as rendering
from hvs_ros.core.episode import load_episodes
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.panorama import load_panorama
from hvs_ros.core.renderer import Renderer, ViewSpec

pytestmark = needs_shared
PARITY = SHARED / 'parity'


class Distance(NamedTuple):
    """How far a view is from the reference, in grey levels."""

    mean: float
    percentile: float
    crop: int
    reticle: bool

    def within(self) -> bool:
        return bool(
            self.mean <= 0.3 and self.percentile <= 3 and self.crop <= 6 and self.reticle)


def cases() -> list[dict]:
    if not PARITY.is_dir():
        return []
    views = json.loads((PARITY / 'views.json').read_text())
    crops = json.loads((PARITY / 'crops.json').read_text())
    return [dict(crop, small=view['file']) for view, crop in zip(views, crops, strict=True)]


@pytest.fixture(scope='module')
def panoramas():
    episodes = load_episodes(SHARED / 'panoramas' / 'hos')
    return {episode.scene: load_panorama(episode.panorama).image for episode in episodes}


def distance(view: np.ndarray, case: dict) -> Distance:
    small = cv2.resize(view, (480, 270), interpolation=cv2.INTER_AREA).astype(int)
    off = np.abs(small - cv2.imread(str(PARITY / case['small'])))
    reference = cv2.imread(str(PARITY / case['file'])).astype(int)
    crop = view[slice(*case['rows']), slice(*case['columns'])].astype(int)
    green = (reference == (0, 255, 0)).all(-1)
    assert green.sum() == 41
    return Distance(
        off.mean(), np.percentile(off, 99), np.abs(crop - reference).max(),
        bool((crop[green] == (0, 255, 0)).all()))


def render(panoramas: dict, case: dict, spec: ViewSpec | None = None) -> np.ndarray:
    gaze = BenchmarkAngles(case['yaw'], case['pitch']).to_gaze()
    return Renderer(spec).render(panoramas[case['scene']], gaze)


@pytest.mark.parametrize('case', cases(), ids=[case['file'] for case in cases()])
def test_views_match_the_published_ones(panoramas, case):
    found = distance(render(panoramas, case), case)
    assert found.within(), found


def test_a_missing_reticle_is_seen(panoramas):
    spec = ViewSpec(reticle=False)
    assert not any(
        distance(render(panoramas, case, spec), case).within() for case in cases()[:6])


def test_nearest_neighbour_is_seen(panoramas, monkeypatch):
    monkeypatch.setattr(rendering, 'INTERPOLATION', cv2.INTER_NEAREST)
    detailed = [case for case in cases() if case['pitch'] != 75]  # those two see plain ceiling
    found = {case['file']: distance(render(panoramas, case), case) for case in detailed}
    assert [name for name, each in found.items() if each.within()] == [], found


@pytest.mark.parametrize(('shift', 'within'), [(0.0, True), (0.5, False), (-0.5, False)])
def test_half_a_pixel_is_seen(panoramas, shift, within):
    """The unshifted oracle passes, so that it is the shift that fails."""
    case = cases()[8]
    rotation = published_rotation(case['yaw'], case['pitch'])
    exact = oracle_view(panoramas[case['scene']], rotation, 1920, 1080, math.radians(100), shift)
    view = np.round(exact).astype(np.uint8)
    rendering.draw_reticle(view)
    assert distance(view, case).within() is within
