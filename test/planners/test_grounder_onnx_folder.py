# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import hashlib
import sys

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')
pytest.importorskip('tokenizers')

from onnx_folders import HEIGHT, LENGTH, WIDTH, write_folder
import yaml

from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.profile import PROFILES
from hvs_ros.core.renderer import Renderer, ViewSpec
from hvs_ros.core.search import SearchSession, Task
from hvs_ros.planners.base import PlannerUnavailable
from hvs_ros.planners.engine import EngineOptions
from hvs_ros.planners.grounder_onnx_folder import OnnxFolderGrounder
from hvs_ros.planners.registry import PlannerContext, make_planner
from hvs_ros.planners.sightings import apart
from hvs_ros.scenes.generator import Order, Size, make_scene
from hvs_ros.scenes.splits import Allowed

RED, BLUE = (30, 30, 210), (210, 60, 20)
VARIANTS = {
    'heat': {}, 'heat that is shares': {'through': 'none'}, 'heat, padded': {'fit': 'pad'},
    'heat, channels last': {'layout': 'nhwc', 'colours': 'bgr'}, 'masks': {'mask': True},
    'boxes': {'kind': 'boxes'}, 'boxes, padded': {'kind': 'boxes', 'fit': 'pad'},
    'corners in pixels': {'kind': 'boxes', 'form': 'xyxy', 'unit': 'pixels', 'fit': 'pad'},
    'corners in shares': {'kind': 'boxes', 'form': 'xyxy', 'through': 'none'}}


@pytest.fixture(scope='module')
def grounders(tmp_path_factory):
    where = tmp_path_factory.mktemp('folders')
    return {name: OnnxFolderGrounder(str(write_folder(where / name.replace(' ', '_'), **form)))
            for name, form in VARIANTS.items()}


def view(*things, size=(960, 540)):
    image = np.full((size[1], size[0], 3), 128, np.uint8)
    for colour, x, y, half in things:
        image[max(0, y - half):y + half, max(0, x - half):x + half] = colour
    return image


def world(*things):
    """Return a grey panorama with coloured squares (BGR, yaw, pitch, half width in degrees)."""
    image = np.full((512, 1024, 3), 128, np.uint8)
    yaw = (np.arange(1024) + 0.5) / 1024 * 360 - 180
    pitch = 90 - (np.arange(512) + 0.5) / 512 * 180
    for colour, at_yaw, at_pitch, half in things:
        image[(abs(pitch - at_pitch) <= half)[:, None]
              & (abs((yaw - at_yaw + 180) % 360 - 180) <= half)[None]] = colour
    return image


def search(planner, panorama, instruction, kind='object', start=0):
    task = Task('x', kind, instruction, BenchmarkAngles(start, 0))
    session = SearchSession(task, PROFILES['strict'], planner.answer_format, 10)
    under_way = planner.begin(task)
    renderer = Renderer(ViewSpec(960, 540))
    while session.result is None:
        seen = renderer.view(panorama, session.goal.to_gaze())
        session.decide(under_way.act(session.observe(seen)))
    under_way.close()
    return session


@pytest.mark.parametrize('name', VARIANTS)
@settings(max_examples=8, deadline=None, derandomize=True)
@given(x=st.integers(60, 899), y=st.integers(60, 479), wide=st.sampled_from([960, 640, 400]))
def test_a_thing_is_where_the_model_says_whatever_the_form_of_its_answer(
        grounders, name, x, y, wide):
    x, y = x * wide // 960, y * wide // 960
    image = view((RED, x, y, wide // 26), size=(wide, wide * 9 // 16))
    best = grounders[name].locate(image, ['red thing'])[0]
    assert best.phrase == 'red thing' and 0.9 < best.score <= 1
    assert np.hypot(*np.subtract(best.box.centre, (x, y))) < 0.03 * wide


@pytest.mark.parametrize('name', VARIANTS)
def test_the_words_decide_what_is_seen(grounders, name):
    image = view((RED, 200, 300, 40), (BLUE, 700, 200, 40))
    hits = grounders[name].locate(image, ['red', 'blue'])
    places = {hit.phrase: hit.box.centre for hit in reversed(hits)}
    assert abs(places['red'][0] - 200) < 30 and abs(places['blue'][0] - 700) < 30
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    nothing = grounders[name].locate(view(), ['red', 'blue'])
    assert max((hit.score for hit in nothing), default=0) < 0.01


@pytest.mark.parametrize('name', ['heat', 'boxes, padded'])
@pytest.mark.parametrize(('instruction', 'yaw'), [
    ('Find the red box', 130), ('the blue one', 250)])
def test_the_controller_finds_with_it(tmp_path, name, instruction, yaw):
    planner = make_planner(f'grounder:onnx:{write_folder(tmp_path, **VARIANTS[name])}')
    session = search(planner, world((RED, 130, -8, 5), (BLUE, 250, 5, 5)), instruction)
    assert session.result.status == 'submitted'
    assert apart(session.result.pose, BenchmarkAngles(yaw, -8 if yaw == 130 else 5)) < 4


@pytest.mark.parametrize('kind', ['heat', 'boxes'])
@pytest.mark.parametrize('path', [False, True])
def test_a_search_of_a_drawn_scene_runs_to_an_end(tmp_path, kind, path):
    order = Order(1, Size(512, 256), 3, 'path' if path else 'object', 1, Allowed('test'))
    made = make_scene(order, *next(order.plan()))
    planner = make_planner(f'grounder:onnx:{write_folder(tmp_path, kind=kind)}')
    item = made.items[0]
    session = search(planner, made.image, item['task'], 'path' if path else 'object', 90)
    assert session.result.status in ('submitted', 'not_found')
    assert 1 <= len(session.turns) <= 10


def test_what_is_not_there_is_not_found(tmp_path):
    planner = make_planner(f'grounder:onnx:{write_folder(tmp_path)}')
    session = search(planner, world((RED, 130, -8, 5)), 'Find the blue box')
    assert session.result.status == 'not_found'


def test_a_model_that_reads_instructions_is_given_them_whole(tmp_path):
    """'not' darkens all that is said with it: in a phrase of the instruction it is left out."""
    instruction = 'Find the red box that is not near the wall'
    panorama = world((RED, 20, 0, 6))
    for reads, status in (('phrases', 'submitted'), ('instruction', 'not_found')):
        folder = write_folder(tmp_path / reads, reads=reads)
        session = search(make_planner(f'grounder:onnx:{folder}'), panorama, instruction)
        assert session.result.status == status


def test_phrases_are_said_in_the_models_words(tmp_path):
    plain = OnnxFolderGrounder(str(write_folder(tmp_path)))
    dark = OnnxFolderGrounder(str(write_folder(tmp_path / 'b', phrase='not {}')))
    told = OnnxFolderGrounder(str(tmp_path), phrase='not {}')
    image = view((RED, 200, 300, 40))
    scores = [max((hit.score for hit in one.locate(image, ['red'])), default=0)
              for one in (plain, dark, told)]
    assert scores[0] > 0.9 and scores[1] == scores[2] < 0.01


def test_more_words_than_the_model_reads_are_cut(grounders):
    image = view((RED, 200, 300, 40))
    long = grounders['heat'].locate(image, [' '.join(['red', *['thing'] * 200])])
    assert long[0].score > 0.9
    assert grounders['heat'].locate(image, [' '.join([*['thing'] * LENGTH, 'red'])])[0].score < 0.1


def test_thresholds_are_the_folders_and_a_planner_files_win(tmp_path):
    folder = write_folder(tmp_path / 'folder')
    wishes = {'striking': 1.0, 'likely': 0.95, 'confirmed': 0.95, 'least': 0.9}
    file = tmp_path / 'mine.yaml'
    file.write_text(yaml.safe_dump({'planner': f'grounder:onnx:{folder}', 'thresholds': wishes}))
    pale_red = world(((110, 110, 210), 20, 0, 5))
    lax = make_planner(f'grounder:onnx:{folder}')
    assert search(lax, pale_red, 'the red box').result.status == 'submitted'
    for strict in (make_planner(str(file)), make_planner(
            f'grounder:onnx:{folder}', context=PlannerContext(thresholds=wishes))):
        assert search(strict, pale_red, 'the red box').result.status == 'not_found'


def test_a_runs_record_says_which_model_and_thresholds_it_was(tmp_path):
    folder = write_folder(tmp_path)
    context = PlannerContext(thresholds={'least': 0.2})
    told = make_planner(f'grounder:onnx:{folder}', context=context).looks_with
    assert told['thresholds'] == {
        'striking': 0.9, 'likely': 0.4, 'confirmed': 0.5, 'least': 0.2}
    assert told['files_sha256'] == {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ('model.onnx', 'grounder.yaml', 'tokenizer.json')}


def test_a_model_that_fails_is_no_answer(tmp_path):
    planner = make_planner(f'grounder:onnx:{write_folder(tmp_path)}')
    with pytest.raises(PlannerUnavailable, match='not finite'):
        search(planner, world((RED, 130, -8, 5)), 'Find the red void')


def changed(part, **fields):
    def change(told):
        told[part] = {**told[part], **fields}
        told[part] = {name: value for name, value in told[part].items() if value is not None}
    return change


@pytest.mark.parametrize(('change', 'says'), [
    (lambda told: told.clear(), "field 'schema_version' is missing"),
    (lambda told: told.update(schema_version=2), "field 'schema_version' must be 1"),
    (lambda told: told.update(speed=3), "unknown field 'speed'"),
    (lambda told: told.update(image=5), "field 'image' must be a mapping, not 5"),
    (lambda told: told.update(reads='poems'), "field 'reads' must be one of phrases, instruction"),
    (lambda told: told.update(phrase='a photo'), "field 'phrase' must be a text with one {}"),
    (lambda told: told.update(thresholds={'least': 2}), "'thresholds.least' must be a number"),
    (lambda told: told.update(thresholds={'least': 0.9, 'likely': 0.1}), 'must rise from least'),
    (lambda told: told.update(thresholds={'most': 1}), "unknown field 'thresholds.most'"),
    (changed('image', width=0), "field 'image.width' must be a whole number above 0, not 0"),
    (changed('image', width=True), "field 'image.width' must be a whole number"),
    (changed('image', mean=[1, 2]), "field 'image.mean' must be three numbers"),
    (changed('image', std=[0, 1, 1]), "field 'image.std' must be three numbers, none below"),
    (changed('image', fit='crop'), "field 'image.fit' must be one of squeeze, pad, not 'crop'"),
    (changed('image', input='pixels'), "'image.input' names no input of model.onnx: 'pixels'; "
     'it has picture, ids'),
    (changed('image', width=WIDTH + 8), 'does not fit model.onnx'),
    (changed('image', layout='nhwc'), 'does not fit model.onnx'),
    (changed('text', ids=None), "field 'text.ids' is missing"),
    (changed('text', mask='mask'), "'text.mask' names no input"),
    (changed('text', tokenizer='none.json'), 'none.json: cannot be read'),
    (changed('text', tokenizer='grounder.yaml'), 'grounder.yaml: not a tokenizer'),
    (changed('text', length=LENGTH + 1), 'does not fit model.onnx'),
    (changed('output', heat='logits'), "'output.heat' names no output of model.onnx: 'logits'"),
    (changed('output', kind='poem'), "field 'output.kind' must be one of boxes, heat"),
    (changed('output', through='none'), 'scores that are not within 0 to 1'),
    (changed('output', boxes='heat'), "unknown field 'output.boxes'"),
])
def test_a_folder_that_does_not_fit_is_refused_by_file_and_field(tmp_path, change, says):
    file = write_folder(tmp_path) / 'grounder.yaml'
    told = yaml.safe_load(file.read_text())
    change(told)
    file.write_text(yaml.safe_dump(told))
    with pytest.raises(InputError) as caught:
        make_planner(f'grounder:onnx:{tmp_path}')
    assert (says in str(caught.value) and str(tmp_path) in str(caught.value)) or 'rise' in says
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(('break_it', 'says'), [
    (lambda folder: (folder / 'model.onnx').write_bytes(b'rubbish'), 'not an ONNX model'),
    (lambda folder: (folder / 'model.onnx').unlink(), 'model.onnx: cannot be read'),
    (lambda folder: (folder / 'grounder.yaml').unlink(), 'holds no grounder.yaml'),
    (lambda folder: (folder / 'grounder.yaml').write_text('a: ['), 'not a readable YAML file'),
    (lambda folder: (folder / 'grounder.yaml').write_text('7'), 'the file must be a mapping'),
])
def test_a_broken_folder_is_refused_in_one_sentence(tmp_path, break_it, says):
    break_it(write_folder(tmp_path))
    with pytest.raises(InputError, match=says) as caught:
        make_planner(f'grounder:onnx:{tmp_path}')
    assert str(tmp_path) in str(caught.value) and '\n' not in str(caught.value)


@pytest.mark.parametrize(('spec', 'engine', 'says'), [
    ('grounder', {}, 'not of the form grounder:huggingface:PATH'),
    ('grounder:yolo:x', {}, 'not of the form'), ('grounder:onnx:', {}, 'not of the form'),
    ('grounder:onnx:/nowhere', {}, '/nowhere: no such folder'),
    ('grounder:onnx:{}', {'device': 'tpu'}, 'must be auto, cpu, cuda or cuda:N'),
    ('grounder:onnx:{}', {'dtype': 'float16'}, "the option 'engine.dtype' is not for it"),
])
def test_a_spec_that_cannot_be_is_refused(tmp_path, spec, engine, says):
    context = PlannerContext(engine=EngineOptions(**engine))
    with pytest.raises(InputError, match=says):
        make_planner(spec.format(write_folder(tmp_path)), context=context)


@pytest.mark.parametrize(('package', 'says'), [
    ('tokenizers', r'hvs_ros\[grounders\]'), ('onnxruntime', 'pip install onnxruntime')])
def test_a_missing_package_is_named_with_what_to_install(tmp_path, monkeypatch, package, says):
    write_folder(tmp_path)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=says):
        make_planner(f'grounder:onnx:{tmp_path}')


@pytest.mark.parametrize('field', ['thresholds: {least: 0.1}', "phrase: 'a {}'"])
def test_what_is_for_grounders_is_refused_for_others(tmp_path, field):
    file = tmp_path / 'mine.yaml'
    file.write_text(f'planner: sweep\n{field}\n')
    with pytest.raises(InputError, match='is for planners grounder:KIND:PATH'):
        make_planner(str(file))


def test_the_picture_of_a_model_is_the_view_without_loss(grounders):
    assert (WIDTH, HEIGHT) == (160, 96)
    from hvs_ros.planners.grounder_onnx_folder import fitted
    from hvs_ros.planners.onnx_contract import ImageInput
    told = ImageInput('x', '', 8, 8, 'pad', 'rgb', 'nchw', 1.0, (1.0, 2.0, 3.0), (2.0, 2.0, 2.0))
    picture, scale = fitted(np.full((4, 8, 3), (30, 20, 10), np.uint8), told)
    assert picture.shape == (1, 3, 8, 8) and scale == (1.0, 1.0)
    assert picture[0, :, 0, 0].tolist() == [4.5, 9.0, 13.5]
    assert picture[0, :, 7, 7].tolist() == [63.0, 62.5, 62.0]
