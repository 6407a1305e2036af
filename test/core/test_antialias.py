# SPDX-License-Identifier: Apache-2.0
"""Small views of large sources do not alias, and the published settings stay as published."""

from __future__ import annotations

import math

import cv2
from imaging_fixtures import oracle_view, published_rotation
import numpy as np
import pytest

from hvs_ros.core.camera_models import Equirectangular
from hvs_ros.core.fisheye import FisheyeLens, dual_fisheye
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.panorama import Panorama, PanoramaCache
from hvs_ros.core.renderer import Renderer, ViewSpec
from hvs_ros.core.sampling import halved, samples_for


@pytest.fixture(scope='module')
def panorama() -> Panorama:
    """Return 7680 x 3840 pixels with detail that 640 x 360 cannot show all of."""
    rng = np.random.default_rng(11)
    image = np.full((3840, 7680), 127, np.float32)
    for side, strength in ((2, 14.0), (4, 18.0), (16, 20.0), (128, 25.0)):
        waves = rng.standard_normal((3840 // side, 7680 // side)).astype(np.float32)
        image += strength * cv2.resize(waves, (7680, 3840), interpolation=cv2.INTER_LINEAR)
    grey = np.clip(image, 0, 255).astype(np.uint8)
    return Panorama(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), 'detail', '')


def supersampled(
        image: np.ndarray, width: int, height: int, yaw: float, pitch: float) -> np.ndarray:
    """Return the mean of 6 x 6 samples spread evenly over each pixel of a 100 degree view."""
    total = np.zeros((height, width, 3))
    focal = width / (2 * math.tan(math.radians(50)))
    rotation = published_rotation(yaw, pitch)
    for across in (np.arange(6) + 0.5) / 6 - 0.5:
        for down in (np.arange(6) + 0.5) / 6 - 0.5:
            i, j = np.meshgrid(np.arange(width) + across, np.arange(height) + down)
            rays = np.stack(
                [(i - width / 2) / focal, (j - height / 2) / focal, np.ones_like(i)], -1)
            x, y, z = np.moveaxis(rays @ rotation.T, -1, 0)
            columns = (np.arctan2(x, z) / math.pi + 1) / 2 * image.shape[1]
            rows = (np.arctan2(y, np.hypot(x, z)) / math.pi + 0.5) * image.shape[0]
            total += cv2.remap(
                image, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_WRAP)
    return total / 36


def psnr(image: np.ndarray, reference: np.ndarray) -> float:
    return 10 * math.log10(255 ** 2 / np.mean((image - reference) ** 2))


@pytest.mark.parametrize(('width', 'height', 'yaw', 'pitch', 'least'), [
    (640, 360, 30, 0, 41), (640, 360, 180, -35, 41), (320, 180, 250, 20, 38)])
def test_small_views_of_a_large_panorama_come_close_to_supersampling(
        panorama, width, height, yaw, pitch, least):
    reference = supersampled(panorama.image, width, height, yaw, pitch)
    gaze = BenchmarkAngles(yaw, pitch).to_gaze()
    smooth, plain = (
        psnr(Renderer(ViewSpec(width, height, reticle=False, antialias=antialias)).render(
            panorama, gaze), reference) for antialias in (True, False))
    assert smooth >= least
    assert plain < smooth - 5


@pytest.mark.parametrize('width', [1920, 3840, 4096, 5760, 7680, 8192])
@pytest.mark.parametrize('size', [(1920, 1080), (1280, 720)])
def test_published_settings_are_sampled_once_a_pixel(size, width):
    spec = ViewSpec(*size)
    assert spec.samples(Equirectangular(width, width // 2)) == (1, 0)


def test_a_published_view_of_a_large_panorama_is_plain_bilinear(panorama):
    gaze, spec = BenchmarkAngles(75, 10), ViewSpec(1280, 720, reticle=False)
    view = Renderer(spec).render(panorama, gaze.to_gaze())
    rotation = published_rotation(gaze.yaw, gaze.pitch)
    exact = oracle_view(panorama.image, rotation, 1280, 720, spec.horizontal_fov)
    assert np.abs(view - exact).mean() < 0.6  # positions are rounded to 1/32 px


@pytest.mark.parametrize(('ratio', 'samples'), [
    (0.1, (1, 0)), (1.79, (1, 0)), (1.8, (2, 0)), (3.59, (2, 0)), (3.6, (2, 1)), (7.1, (2, 1)),
    (7.2, (2, 2)), (14.4, (2, 3))])
def test_the_more_source_pixels_the_more_samples_or_halvings(ratio, samples):
    assert samples_for(ratio) == samples


@pytest.mark.parametrize('size', [(64, 36), (63, 35), (40, 90)])
@pytest.mark.parametrize('source', [(1600, 800), (1501, 733)])
def test_smoothing_moves_nothing(size, source):
    """A soft scene looks the same through every level, seam and poles included."""
    width, height = source
    lon = np.arange(width) / width * 2 * math.pi
    lat = (np.arange(height) / height - 0.5) * math.pi
    tone = 127 + 100 * np.cos(lat)[:, None] * np.sin(lon + 0.7)
    image = np.repeat(np.round(tone)[..., None], 3, -1).astype(np.uint8)
    for yaw, pitch in ((0, 0), (180, 5), (120, 88), (300, -70)):
        gaze = BenchmarkAngles(yaw, pitch).to_gaze()
        views = [Renderer(ViewSpec(*size, 1.6, False, antialias=on)).render(image, gaze)
                 for on in (True, False)]
        assert np.abs(views[0].astype(int) - views[1]).max() <= 2
    assert ViewSpec(*size, 1.6).samples(Equirectangular(*source))[1] >= 1


def test_levels_are_made_on_demand_kept_and_counted():
    panorama = Panorama(np.zeros((80, 160, 3), np.uint8), 'p', '')
    assert panorama.nbytes == 160 * 80 * 3
    Renderer(ViewSpec(160, 90)).render(panorama, BenchmarkAngles(0, 0).to_gaze())
    assert panorama.nbytes == 160 * 80 * 3
    half = panorama.level(1)
    assert half.shape == (40, 80, 3) and panorama.level(1) is half
    assert panorama.level(0) is panorama.image
    assert panorama.level(2).shape == (20, 40, 3)
    assert panorama.nbytes == 160 * 80 * 3 + 80 * 40 * 3 + 40 * 20 * 3


def test_a_cache_stays_within_its_bytes_as_levels_are_made():
    size = 160 * 80 * 3
    cache = PanoramaCache(3 * size)
    kept = [cache.get(name, lambda: Panorama(np.zeros((80, 160, 3), np.uint8), 'p', ''))
            for name in 'abc']
    assert len(cache) == 3
    kept[2].level(1)
    cache.get('d', lambda: Panorama(np.zeros((80, 160, 3), np.uint8), 'p', ''))
    assert cache.nbytes <= 3 * size and len(cache) == 2


def test_halving_averages_and_keeps_odd_edges():
    image = np.arange(5 * 6 * 3, dtype=np.uint8).reshape(5, 6, 3)
    assert halved(image).shape == (3, 3, 3)
    even = halved(image[:4])
    assert abs(even[0, 0, 0] - image[:2, :2, 0].mean()) <= 0.5
    assert halved(image, 0) is image


def test_a_small_view_of_a_fisheye_frame_is_smooth_too():
    rng = np.random.default_rng(5)
    frame = cv2.resize(
        rng.integers(0, 255, (500, 1000, 3), np.uint8), (2000, 1000))
    camera = dual_fisheye(2000, 1000, [
        FisheyeLens((499.5, 499.5), 490.0, math.radians(196)),
        FisheyeLens((1499.5, 499.5), 490.0, math.radians(196), mount=(0, 0, math.pi))], 0.1)
    gaze = BenchmarkAngles(80, 10).to_gaze()
    fine = Renderer(ViewSpec(1280, 720, reticle=False, antialias=False)).render(
        frame, gaze, model=camera)
    # The centres of 8 x 8 fine pixels lie 3.5 / 8 of a small one to the right and below.
    reference = cv2.blur(fine.astype(np.float32), (8, 8), anchor=(4, 4))[::8, ::8]
    views = [Renderer(ViewSpec(160, 90, reticle=False, antialias=on)).render(
        frame, gaze, model=camera)[2:-2, 2:-2] for on in (True, False)]
    smooth, plain = (psnr(view, reference[2:-2, 2:-2]) for view in views)
    assert smooth > plain + 4
