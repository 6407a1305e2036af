# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
import json
import shutil
import socket
import sys

import numpy as np
import pytest

torch = pytest.importorskip('torch')
transformers = pytest.importorskip('transformers')

from tiny_grounders import MAKERS  # noqa: I001

from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.profile import PROFILES
from hvs_ros.core.renderer import Renderer, ViewSpec
from hvs_ros.core.search import SearchSession, Task
from hvs_ros.planners.base import PlannerUnavailable
from hvs_ros.planners.engine import EngineOptions
from hvs_ros.planners.grounder_huggingface import KINDS, HuggingFaceGrounder
from hvs_ros.planners.registry import PlannerContext, make_planner
from hvs_ros.planners.presets import shipped_thresholds
from hvs_ros.scenes.generator import Order, Size, make_scene
from hvs_ros.scenes.splits import Allowed

FAMILIES = sorted(MAKERS)
PHRASES = ['red cup', 'exit sign']


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    made = {name: tmp_path_factory.mktemp(name) for name in FAMILIES}
    for name, folder in made.items():
        MAKERS[name](folder)
    return made


@pytest.fixture(scope='module')
def grounders(folders):
    return {name: HuggingFaceGrounder(str(folder)) for name, folder in folders.items()}


@pytest.fixture(scope='module')
def scene():
    order = Order(1, Size(512, 256), 3, 'object', 1, Allowed('test'))
    return make_scene(order, *next(order.plan()))


@pytest.fixture(scope='module')
def view(scene):
    return Renderer(ViewSpec(320, 180)).render(
        scene.image, BenchmarkAngles(90, -10).to_gaze())


def test_every_family_is_tested():
    assert sorted(KINDS) == FAMILIES


@pytest.mark.parametrize('family', FAMILIES)
def test_hits_are_scores_and_boxes_within_the_view_best_first(grounders, view, family):
    hits = grounders[family].locate(view, PHRASES)
    assert {hit.phrase for hit in hits} <= set(PHRASES) and hits
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    for hit in hits:
        assert 0 < hit.score <= 1
        assert 0 <= hit.box.left < hit.box.right <= 320.001
        assert 0 <= hit.box.top < hit.box.bottom <= 180.001


@pytest.mark.parametrize('family', FAMILIES)
def test_picture_and_words_both_matter(grounders, view, family):
    def scores(image, phrase):
        return [hit.score for hit in grounders[family].locate(image, [phrase])]

    assert scores(view, 'red cup') == scores(view, 'red cup')
    assert scores(view, 'red cup') != scores(view, 'exit sign')
    assert scores(view, 'red cup') != scores(np.full_like(view, 127), 'red cup')
    assert scores(view, 'red cup') != scores(np.ascontiguousarray(view[:, :, ::-1]), 'red cup')


@pytest.mark.parametrize('family', FAMILIES)
def test_several_phrases_are_answered_as_each_alone(grounders, view, family):
    together = grounders[family].locate(view, PHRASES)
    for phrase in PHRASES:
        alone = grounders[family].locate(view, [phrase])
        among = [hit for hit in together if hit.phrase == phrase]
        assert [hit.score for hit in among] == pytest.approx(
            [hit.score for hit in alone], abs=1e-5)


@pytest.mark.parametrize('family', ['owlv2', 'grounding-dino'])
def test_boxes_are_those_that_the_library_reads(folders, grounders, view, family):
    """The library's own reading of the same outputs, box by box, is what ours is held to."""
    grounder = grounders[family]
    best = grounder.locate(view, ['red cup'])[0]
    phrase = KINDS[family].phrase.format('red cup')
    tokens = transformers.AutoTokenizer.from_pretrained(folders[family])(
        [phrase], return_tensors='pt', truncation=True,
        **({'padding': 'max_length', 'max_length': 16} if family == 'owlv2' else {}))
    images = getattr(
        transformers, f'{KINDS[family].images}ImageProcessorPil').from_pretrained(folders[family])
    given = {**tokens, **images(images=[view[:, :, ::-1].copy()], return_tensors='pt')}
    model = getattr(transformers, KINDS[family].model).from_pretrained(folders[family]).eval()
    with torch.inference_mode():
        outputs = model(**given)
    read, = images.post_process_object_detection(
        outputs, threshold=0.0, target_sizes=[(180, 320)])
    scores, boxes = read['scores'].numpy(), read['boxes'].numpy().clip(0, [320, 180, 320, 180])
    shown = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    scores, boxes = scores[shown], boxes[shown]
    assert best.score == pytest.approx(float(scores.max()), abs=1e-5)
    near = abs(boxes - [best.box.left, best.box.top, best.box.right, best.box.bottom])
    assert near[np.isclose(scores, best.score, atol=1e-5)].max(axis=1).min() < 0.05


def test_heat_is_laid_over_the_whole_view(grounders, monkeypatch, view):
    """A place that is hot in the middle of the left third of the heat is there in the view."""
    class Heat:
        logits = torch.full((1, 96, 96), -9.0)

    Heat.logits[0, 40:56, 8:24] = 4.0
    monkeypatch.setattr(grounders['clipseg'], 'run', lambda **given: Heat)
    best = grounders['clipseg'].locate(view, ['cup'])[0]
    assert best.box.centre == pytest.approx((320 / 6, 90), abs=2)
    assert best.score == pytest.approx(0.982, abs=1e-3)


@pytest.mark.parametrize('family', FAMILIES)
@pytest.mark.parametrize('kind', ['object', 'path'])
def test_a_search_of_a_drawn_scene_runs_to_an_end(folders, scene, family, kind):
    planner = make_planner(f'grounder:huggingface:{folders[family]}')
    task = Task('x', kind, scene.items[0]['task'], BenchmarkAngles(180, 0))
    session = SearchSession(task, PROFILES['strict'], planner.answer_format, 10)
    search, renderer = planner.begin(task), Renderer(ViewSpec(640, 360))
    while session.result is None:
        seen = renderer.view(scene.image, session.goal.to_gaze())
        session.decide(search.act(session.observe(seen)))
    search.close()
    assert session.result.status in ('submitted', 'not_found')
    for turn in session.turns:
        assert turn.decision.not_found or turn.action is not None


@pytest.mark.parametrize('dtype', ['bfloat16', 'float16'])
@pytest.mark.parametrize('family', FAMILIES)
def test_half_precision_answers_too(folders, view, family, dtype):
    half = HuggingFaceGrounder(str(folders[family]), EngineOptions(device='cpu', dtype=dtype))
    assert {weight.dtype for weight in half._model.parameters()} == {getattr(torch, dtype)}
    found = half.locate(view, ['red cup'])
    assert found and all(0 < hit.score <= 1 for hit in found)
    assert half.locate(np.full_like(view, 127), ['red cup']) != found


@pytest.mark.parametrize('family', FAMILIES)
def test_a_long_phrase_is_cut(grounders, view, family):
    assert grounders[family].locate(view, [' '.join(['enormous'] * 300)]) is not None


def test_threads_share_a_grounder(grounders, view):
    alone = [grounders['owlv2'].locate(view, [phrase])[0].score for phrase in PHRASES]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(
            lambda k: grounders['owlv2'].locate(view, [PHRASES[k % 2]])[0].score, range(12)))
    assert found == [alone[k % 2] for k in range(12)]


@pytest.mark.parametrize('family', FAMILIES)
def test_nothing_is_ever_fetched(folders, monkeypatch, family):
    def refuse(*args):
        raise AssertionError(f'connected to {args}')

    monkeypatch.setattr(socket.socket, 'connect', refuse)
    monkeypatch.setattr(socket, 'getaddrinfo', refuse)
    assert HuggingFaceGrounder(str(folders[family])).thresholds == shipped_thresholds(family)


@pytest.mark.parametrize('preset', FAMILIES)
def test_a_shipped_file_says_what_to_fetch_when_its_weights_are_not_here(
        tmp_path, monkeypatch, preset):
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_CACHE', str(tmp_path))
    with pytest.raises(InputError, match=r'hf download [\w-]+/') as caught:
        make_planner(preset)
    assert '\n' not in str(caught.value)


def test_a_planner_file_sets_thresholds_phrase_and_number_format(tmp_path, folders, view):
    file = tmp_path / 'mine.yaml'
    file.write_text(f"planner: grounder:huggingface:{folders['clipseg']}\nphrase: 'the {{}}'\n"
                    'engine: {device: cpu, dtype: bfloat16}\nthresholds: {least: 0.01}\n')
    grounder = make_planner(str(file))._grounder
    assert grounder.thresholds.least == 0.01
    assert grounder.thresholds.striking == shipped_thresholds('clipseg').striking
    told = HuggingFaceGrounder(
        str(folders['clipseg']), EngineOptions(device='cpu', dtype='bfloat16'), phrase='the {}')
    assert grounder.locate(view, ['cup']) == told.locate(view, ['cup'])
    other = HuggingFaceGrounder(
        str(folders['clipseg']), EngineOptions(device='cpu', dtype='bfloat16'))
    assert grounder.locate(view, ['cup']) != other.locate(view, ['cup'])


def test_a_runs_record_says_which_weights_it_were(folders):
    told = make_planner(f"grounder:huggingface:{folders['siglip']}").looks_with
    assert {'config.json', 'model.safetensors', 'tokenizer.json'} <= set(told['files_sha256'])
    assert told['thresholds']['striking'] == shipped_thresholds('siglip').striking


def copied(folders, tmp_path, family='owlv2'):
    return shutil.copytree(folders[family], tmp_path / 'copy')


def drop_a_weight(folder):
    from safetensors.torch import load_file, save_file
    held = load_file(folder / 'model.safetensors')
    del held['class_head.dense0.weight']
    save_file(held, folder / 'model.safetensors', {'format': 'pt'})


def rename_type(folder):
    told = json.loads((folder / 'config.json').read_text())
    (folder / 'config.json').write_text(json.dumps({**told, 'model_type': 'bert'}))


@pytest.mark.parametrize(('break_it', 'says'), [
    (drop_a_weight, 'the weights do not hold class_head.dense0.weight'),
    (rename_type, "field 'model_type' is 'bert', which is no grounder known here; known are: owl"),
    (lambda folder: (folder / 'model.safetensors').write_bytes(b'rubbish'), 'cannot be loaded'),
    (lambda folder: (folder / 'model.safetensors').unlink(), 'holds no weights'),
    (lambda folder: (folder / 'preprocessor_config.json').unlink(), 'cannot be loaded'),
    (lambda folder: (folder / 'config.json').unlink(), 'config.json is missing'),
])
def test_a_broken_model_is_refused_in_one_sentence(tmp_path, folders, break_it, says):
    folder = copied(folders, tmp_path)
    break_it(folder)
    with pytest.raises(InputError) as caught:
        make_planner(f'grounder:huggingface:{folder}')
    assert says in str(caught.value) and str(folder) in str(caught.value)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(('engine', 'says'), [
    ({'device': 'cuda:7'}, 'cuda'), ({'device': 'abacus'}, 'abacus'),
    ({'quantization': '4bit'}, "the option 'engine.quantization' is not for it")])
def test_an_engine_that_is_not_here_is_refused(folders, engine, says):
    context = PlannerContext(engine=EngineOptions(**engine))
    with pytest.raises(InputError, match=says):
        make_planner(f"grounder:huggingface:{folders['owlv2']}", context=context)


@pytest.mark.parametrize('package', ['torch', 'transformers'])
def test_a_missing_package_is_named_with_the_extra_to_install(folders, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf'{package}.*hvs_ros\[transformers\]'):
        make_planner(f"grounder:huggingface:{folders['owlv2']}")


def test_a_model_that_fails_is_no_answer(folders, view):
    grounder = HuggingFaceGrounder(str(folders['owlv2']))

    def fail(**given):
        raise torch.OutOfMemoryError('CUDA out of memory')

    grounder._model.forward = fail
    with pytest.raises(PlannerUnavailable, match='CUDA out of memory'):
        grounder.locate(view, ['red cup'])


@pytest.mark.parametrize('family', FAMILIES)
def test_numbers_that_are_none_are_no_answer(folders, view, family):
    grounder = HuggingFaceGrounder(str(folders[family]))
    with torch.no_grad():
        for weight in grounder._model.parameters():
            weight.fill_(float('nan'))
    with pytest.raises(PlannerUnavailable):
        grounder.locate(view, ['red cup'])
