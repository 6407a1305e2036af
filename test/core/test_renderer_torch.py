# SPDX-License-Identifier: Apache-2.0
"""Views made through torch are those of the CPU, and a machine that cannot is told why."""

from __future__ import annotations

from collections.abc import Callable
import gc
import math
import sys
import types

from hypothesis import example, given, settings
from hypothesis import strategies as st
from imaging_fixtures import smooth_panorama
import numpy as np
import pytest

from hvs_ros.core.camera_models import Equirectangular
from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import Gaze
from hvs_ros.core.panorama import Panorama
from hvs_ros.core.renderer import Renderer, ViewSpec
from hvs_ros.core.renderer_torch import TorchRenderer, make_renderer

LEVELS = 2
# The worst there is: a position that falls to another 1/32 px costs up to 8 levels in noise.
NOISE = np.random.default_rng(0).integers(0, 256, (512, 1024, 3), np.uint8)
SPEC = ViewSpec(96, 54, reticle=False, antialias=False)


def is_there(device: str) -> bool:
    try:
        import torch
    except ImportError:
        return False
    return device == 'cpu' or torch.cuda.is_available()


@pytest.fixture(params=['cpu', 'cuda'])
def device(request) -> str:
    pytest.importorskip('torch', reason='torch is not installed')
    if not is_there(request.param):
        pytest.skip('torch finds no CUDA device')
    return request.param


@pytest.fixture
def torch_views(device) -> Callable[..., TorchRenderer]:
    return lambda spec=SPEC: TorchRenderer(spec, device)


def difference(spec: ViewSpec, ours: Renderer, *view, **options) -> int:
    """Return by how many grey levels the renderer is off at most."""
    expected = Renderer(spec).render(*view, **options).astype(int)
    return int(np.abs(ours.render(*view, **options) - expected).max())


# a fixture does not mix with hypothesis: the fastest device that is there answers for all
ANY = next((name for name in ('cuda', 'cpu') if is_there(name)), None)
needs_torch = pytest.mark.skipif(ANY is None, reason='torch is not installed')


@needs_torch
@settings(derandomize=True, max_examples=80, deadline=None)
@given(
    view=st.sampled_from([(96, 54), (97, 55), (41, 90), (3, 1)]),
    yaw=st.floats(-math.pi, math.pi), pitch=st.floats(-math.pi / 2, math.pi / 2),
    roll=st.just(0.0) | st.floats(-math.pi, math.pi), fov=st.floats(0.2, 2.8))
@example((96, 54), math.pi, 0.0, 0.0, 1.7)
@example((97, 55), 0.0, math.pi / 2, 0.0, 1.7)
@example((96, 54), 0.0, -math.pi / 2, 0.0, 1.7)
@example((96, 54), math.pi, 1.4, math.pi, 2.8)
@example((97, 55), 0.0, math.pi / 2, 1.0, 2.0)
def test_any_view_is_that_of_the_cpu(view, yaw, pitch, roll, fov):
    spec = ViewSpec(*view, fov, reticle=False, antialias=False)
    assert difference(spec, TorchRenderer(spec, ANY), NOISE, Gaze(yaw, pitch), roll) <= LEVELS


@pytest.mark.parametrize('yaw, pitch, roll', [
    (0.0, 0.0, 0.0), (math.pi, 0.3, 0.0), (3.1, -0.9, 0.0), (-2.0, -1.5, 0.0),
    (1.0, math.pi / 2, 0.0), (0.3, 0.4, 0.5), (3.1, -1.4, -3.0)],
    ids=['ahead', 'seam', 'up', 'zenith', 'nadir', 'rolled', 'rolled zenith'])
def test_a_view_of_the_benchmark_is_that_of_the_cpu(torch_views, yaw, pitch, roll):
    # rows in between are interpolated at this size, in runs of different steps
    panorama = np.tile(NOISE, (3, 3, 1))
    spec = ViewSpec()
    assert difference(spec, torch_views(spec), panorama, Gaze(yaw, pitch), roll) <= LEVELS


def test_levels_are_rounded_not_cut_off(torch_views):
    shown, expected = (
        renderer.render(NOISE, Gaze(0.4, 0.2)).mean()
        for renderer in (torch_views(), Renderer(SPEC)))
    assert abs(shown - expected) < 0.05


@pytest.mark.parametrize('spec, model', [
    (ViewSpec(96, 54), None),
    (ViewSpec(96, 54, antialias=False), Equirectangular(1024, 512, math.radians(120))),
    (ViewSpec(32, 18, reticle=False), Equirectangular(2048, 1024)),
], ids=['anti-aliased', 'cropped', 'halved'])
def test_what_the_gpu_has_no_code_for_is_exactly_the_cpu_s(torch_views, spec, model):
    assert difference(spec, torch_views(spec), NOISE, Gaze(2.0, 0.5), model=model) == 0


def test_a_resized_panorama_keeps_its_phase(torch_views):
    model = Equirectangular(3072, 1536)
    assert difference(SPEC, torch_views(), NOISE, Gaze(3.0, 0.1), model=model) <= LEVELS
    assert model.resized(1024, 512).phase != (0.0, 0.0)


@pytest.mark.parametrize('image', [
    NOISE[::-1], np.frombuffer(NOISE.tobytes(), np.uint8).reshape(NOISE.shape),
    NOISE[:1], NOISE[:, :5]], ids=['flipped', 'read-only', 'one row', 'narrow'])
@pytest.mark.filterwarnings('error')
def test_any_array_is_a_source(torch_views, image):
    assert difference(SPEC, torch_views(), image, Gaze(1.0, -0.2)) <= LEVELS


def test_the_view_is_encoded_with_its_reticle_gaze_and_stamp(torch_views):
    spec, gaze = ViewSpec(160, 90, antialias=False), Gaze(0.5, 0.2)
    panorama = smooth_panorama(512, 256)
    shown = torch_views(spec).view(panorama, gaze, 7, roll=0.3)
    expected = Renderer(spec).view(panorama, gaze, 7, roll=0.3)
    assert (shown.gaze, shown.stamp_ns, shown.width) == (gaze, 7, 160)
    assert abs(len(shown.jpeg) - len(expected.jpeg)) < len(expected.jpeg) / 50
    assert (torch_views(spec).render(panorama, gaze)[45, 80] == (0, 255, 0)).all()


def test_it_renders_into_the_array_it_is_given(torch_views):
    out = np.zeros((54, 96, 3), np.uint8)
    assert torch_views().render(NOISE, Gaze(0, 0), out=out) is out
    assert out.any()
    with pytest.raises(ValueError, match=r'a view is \(54, 96, 3\)'):
        torch_views().render(NOISE, Gaze(0, 0), out=out[:5])


def test_each_panorama_is_sent_once_and_never_taken_for_another(torch_views):
    renderer, gaze = torch_views(), Gaze(0.2, 0.1)
    first, second = Panorama(NOISE, 'a', ''), Panorama(255 - NOISE, 'b', '')
    one = renderer.render(first, gaze).copy()
    held = renderer._texture
    renderer.render(first, Gaze(1.0, 0.0))
    assert renderer._texture is held
    assert difference(SPEC, renderer, second, gaze) <= LEVELS
    assert renderer._texture is not held
    np.testing.assert_array_equal(renderer.render(first, gaze), one)


def test_a_panorama_that_is_gone_is_let_go_and_an_array_may_be_written_to(torch_views):
    renderer, pixels = torch_views(), NOISE.copy()
    for _ in range(3):  # a new one may lie where the last did
        assert difference(SPEC, renderer, Panorama(pixels.copy(), '', ''), Gaze(0, 0)) <= LEVELS
        gc.collect()
        assert renderer._held() is None
        pixels = 255 - pixels
    for _ in range(2):
        pixels[:] = pixels[::-1].copy()
        assert difference(SPEC, renderer, pixels, Gaze(0, 0)) <= LEVELS


@pytest.mark.parametrize('torch, sentence', [
    (None, r"renderer cannot be 'cuda': torch is not installed "
           r"\(pip install 'hvs_ros\[cuda\]'\)"),
    (types.SimpleNamespace(
        __version__='2.9', cuda=types.SimpleNamespace(is_available=lambda: False)),
     r"renderer cannot be 'cuda': torch 2.9 finds no CUDA device here"),
], ids=['no torch', 'no device'])
def test_a_machine_without_torch_or_device_is_told_so(monkeypatch, torch, sentence):
    monkeypatch.setitem(sys.modules, 'torch', torch)
    with pytest.raises(InputError, match=f'^{sentence}$'):
        make_renderer('cuda')


def test_the_kind_decides_and_an_unknown_one_is_refused():
    renderer = make_renderer('cpu', SPEC)
    assert type(renderer) is Renderer and renderer.spec is SPEC
    with pytest.raises(InputError, match=r"^renderer cannot be 'gpu': it must be one of cpu, "):
        make_renderer('gpu')
