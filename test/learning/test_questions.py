# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from hvs_ros.learning.questions import LEAST_SPOTS, ask, cover, spoil_words, way_class
from hvs_ros.learning.views import Label
from hvs_ros.learning.vocabulary import VOCABULARY
from hvs_ros.planners.grounder_onnx import CELLS
from hvs_ros.planners.words import CODE, FIRST_WORD, LENGTH, PAD, UNKNOWN, encode
from hvs_ros.scenes.instructions import OBJECT_TEMPLATES, WAY_TEMPLATES
from hvs_ros.scenes.splits import Allowed, split_of
from hvs_ros.scenes.things import COLOURS, KINDS

TRAIN = Allowed('train')


def owners_with(*places):
    owners = np.zeros((90, 160), np.uint8)
    for owner, rows, columns in places:
        owners[rows[0]:rows[1], columns[0]:columns[1]] = owner
    return owners


def asked(labels, owners, count=200, seed=0):
    rng = np.random.default_rng(seed)
    found = (ask(rng, TRAIN, owners, labels) for _ in range(count))
    return [question for question in found if question is not None]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(row=st.integers(0, 89), column=st.integers(0, 159))
def test_a_spot_falls_into_its_cell(row, column):
    counts = cover(owners_with((5, (row, row + 1), (column, column + 1))), [5])
    assert counts.shape == CELLS and counts.sum() == 1
    assert counts[row // 4, column // 4] == 1


def test_spots_of_all_that_is_wanted_are_counted_and_of_nothing_else():
    owners = owners_with((5, (0, 4), (0, 4)), (6, (4, 8), (0, 2)), (7, (40, 60), (40, 60)))
    counts = cover(owners, [5, 6])
    assert counts[0, 0] == 16 and counts[1, 0] == 8 and counts.sum() == 24
    assert cover(owners, []).sum() == 0


def test_the_target_is_the_share_of_the_thing_in_each_cell(shard):
    rng = np.random.default_rng(0)
    for number in range(len(shard.images)):
        owners, labels = shard.owners[number], shard.labels[shard.scene_of[number]]
        for _ in range(20):
            question = ask(rng, TRAIN, owners, labels)
            if question is None:
                continue
            assert question.target.shape == (CELLS[0] * CELLS[1] + 1,)
            assert question.target.sum() == pytest.approx(1)
            shown = cover(owners, question.owners).ravel()
            assert (question.target[:-1] > 0).tolist() == (shown > 0).tolist()
            assert question.target[-1] == float(shown.sum() == 0)


RED_CUP, BLUE_CUP, RED_BOX = (
    Label(1, 'cup', 'red'), Label(2, 'cup', 'blue'), Label(3, 'box', 'red'))


def test_what_is_asked_for_names_the_thing_that_the_target_shows():
    owners = owners_with((1, (0, 20), (0, 20)), (2, (50, 70), (50, 70)))
    for question in asked([RED_CUP, BLUE_CUP, RED_BOX], owners):
        if question.owners in ((1,), (2,)) and 'not the' not in question.sentence.lower() and (
                'past the' not in question.sentence):
            colour = {1: 'red', 2: 'blue'}[question.owners[0]]
            assert colour in question.sentence.lower()


def test_some_things_are_in_view_some_elsewhere_some_nowhere():
    owners = owners_with((1, (0, 20), (0, 20)), (2, (50, 70), (50, 70)))
    questions = asked([RED_CUP, BLUE_CUP, RED_BOX], owners, 600)
    there = sum(question.target[-1] == 0 for question in questions) / len(questions)
    assert 0.45 < there < 0.85
    assert any(question.owners == (3,) and question.target[-1] == 1 for question in questions)
    assert any(question.owners == () for question in questions)


def test_what_is_nowhere_is_no_pair_of_the_scene_and_one_of_the_split():
    owners = owners_with((1, (0, 20), (0, 20)))
    names = sorted((kind for kind in KINDS), key=len, reverse=True)
    for question in asked([RED_CUP, BLUE_CUP, RED_BOX], owners, 400):
        if question.owners == ():
            others = {other for kind in KINDS.values() for other in kind.others}
            if any(re.search(rf'\b{other}', question.sentence) for other in others):
                continue
            plain = re.match(r'^(Find|Look for|Fetch) the (\w+) (.+)$', question.sentence)
            if plain and not any(word in question.sentence for word in (' next ', ' not ')):
                kind = next((name for name in names if plain[3].startswith(name)), None)
                if plain[2] in COLOURS and kind:
                    assert (plain[2], kind) not in {('red', 'cup'), ('blue', 'cup'),
                                                    ('red', 'box')}
                    assert TRAIN.may('pair', f'{plain[2]} {kind}')


def test_a_thing_of_which_too_little_is_seen_is_not_asked_for():
    few = owners_with((1, (0, 1), (0, LEAST_SPOTS - 1)))
    enough = owners_with((1, (0, 1), (0, LEAST_SPOTS)))
    assert not any(question.owners == (1,) for question in asked([RED_CUP], few))
    assert any(question.owners == (1,) for question in asked([RED_CUP], enough))


def test_ways_that_only_a_name_tells_apart_are_all_the_answer():
    ways = [Label(1, place='gate B7', word='B7'), Label(2, place='gate C2', word='C2'),
            Label(3, place='the lift', word='LIFT')]
    owners = owners_with(
        (1, (0, 9), (0, 9)), (2, (20, 29), (20, 29)), (3, (40, 49), (40, 49)))
    found = {question.owners for question in asked(ways, owners)}
    assert found <= {(1, 2), (3,), ()} and {(1, 2), (3,)} <= found


@pytest.mark.parametrize(('place', 'named'), [
    ('gate B7', 'gate'), ('room 214', 'room'), ('platform 3', 'platform'),
    ('the stop of bus 43', 'the stop of bus'), ('the lift', 'the lift'),
    ('the door of the bakery', 'the door of')])
def test_a_place_without_its_name(place, named):
    assert way_class(place) == named


def test_no_sentence_is_of_a_template_that_is_held_out(shard):
    held_out = [
        re.compile(re.sub(r'\\{\w+\\}', '.+', re.escape(text)) + '$', re.IGNORECASE)
        for text in (*OBJECT_TEMPLATES, *WAY_TEMPLATES) if split_of('template', text) != 'train']
    kept = [
        re.compile(re.sub(r'\\{\w+\\}', '.+', re.escape(text)) + '$', re.IGNORECASE)
        for text in (*OBJECT_TEMPLATES, *WAY_TEMPLATES) if split_of('template', text) == 'train']
    sentences = [question.sentence for k in range(len(shard.images)) for question in asked(
        shard.labels[shard.scene_of[k]], shard.owners[k], 40, seed=k)]
    plain = [text for text in sentences if any(form.match(text) for form in kept)]
    assert len(plain) > 0.5 * len(sentences)
    assert [text for text in sentences if any(form.match(text) for form in held_out)
            and not any(form.match(text) for form in kept)] == []


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.sampled_from([
    'Find the red cup', 'Please find the blue box next to the red chair', 'Go to gate B7 now']))
def test_spoilt_words_keep_what_matters_in_its_order(seed, sentence):
    spoilt = spoil_words(np.random.default_rng(seed), sentence, VOCABULARY)
    assert spoilt.shape == (LENGTH,) and spoilt.dtype == np.int64
    whole = [number for number in encode(sentence, VOCABULARY).tolist() if number != PAD]
    matters = {'red', 'cup', 'blue', 'box', 'chair'}
    content = [number for number in whole if number == CODE or (
        number >= FIRST_WORD and VOCABULARY[number - FIRST_WORD] in matters)]
    kept = [number for number in spoilt.tolist() if number in content]
    assert kept == content
    assert set(spoilt.tolist()) <= {*whole, UNKNOWN, PAD}


def test_words_are_spoilt_now_and_then():
    rng, sentence = np.random.default_rng(0), 'Please find the red cup'
    plain = encode(sentence, VOCABULARY).tolist()
    same = sum(spoil_words(rng, sentence, VOCABULARY).tolist() == plain for _ in range(300))
    assert 100 < same < 260
