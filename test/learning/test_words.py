# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from hvs_ros.learning.vocabulary import VOCABULARY
from hvs_ros.planners.words import CODE, FIRST_WORD, LENGTH, PAD, UNKNOWN, encode, split_words
from hvs_ros.scenes.instructions import (
    OBJECT_TEMPLATES,
    WAY_TEMPLATES,
    Beside,
    Named,
    object_sentence,
    way_sentence,
)
from hvs_ros.scenes.splits import Allowed, split_of
from hvs_ros.scenes.things import COLOURS, KINDS

WORDS = ('box', 'cup', 'find', 'glass', 'red', 'the')


@pytest.mark.parametrize(('text', 'words'), [
    ('Find the RED cup', ['find', 'the', 'red', 'cup']),
    ('I lost the cup, where is it?', ['i', 'lost', 'the', 'cup', ',', 'where', 'is', 'it', '?']),
    ('Go to gate B7', ['go', 'to', 'gate', 'b7']), ('Go to gate B 7', ['go', 'to', 'gate', 'b7']),
    ('platform 12b now', ['platform', '12b', 'now']), ('Room 214!', ['room', '214', '!']),
    ('', []), ('  \n ', []), ('…«»', []),
    ('the 12th floor', ['the', '12', 'th', 'floor']),
])
def test_a_sentence_is_split_into_words_numbers_and_stops(text, words):
    assert split_words(text) == words


@pytest.mark.parametrize(('text', 'numbers'), [
    ('find the red cup', [5, 8, 7, 4]), ('the cup red find', [8, 4, 7, 5]),
    ('Find the zorgly cup', [5, 8, UNKNOWN, 4]), ('cups', [4]), ('boxes', [3]), ('glasses', [6]),
    ('cup 12 or B7', [4, CODE, UNKNOWN, CODE]), ('', []),
])
def test_words_become_numbers_in_their_order(text, numbers):
    encoded = encode(text, WORDS)
    assert encoded.dtype == np.int64 and encoded.shape == (LENGTH,)
    assert encoded.tolist() == numbers + [PAD] * (LENGTH - len(numbers))


def test_words_beyond_the_last_that_is_read_are_cut():
    assert encode(' '.join(['cup'] * 40), WORDS).tolist() == [4] * LENGTH
    long = ' '.join(['cup'] * LENGTH)
    assert encode(f'{long} red', WORDS).tolist() == encode(long, WORDS).tolist()


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.text(max_size=120))
def test_any_text_becomes_numbers_that_the_network_knows(text):
    encoded = encode(text, VOCABULARY)
    assert encoded.shape == (LENGTH,)
    assert (encoded >= 0).all() and (encoded < FIRST_WORD + len(VOCABULARY)).all()
    written = encoded != PAD
    assert not (written[1:] & ~written[:-1]).any()


def test_the_vocabulary_has_every_colour_and_kind_and_no_word_of_held_out_sentences_alone():
    assert list(VOCABULARY) == sorted(set(VOCABULARY))
    for name in (*COLOURS, *KINDS):
        assert UNKNOWN not in encode(name, VOCABULARY), name
    held_out = {
        word for text in (*OBJECT_TEMPLATES, *WAY_TEMPLATES)
        if split_of('template', text) != 'train' for word in split_words(text)}
    assert UNKNOWN in {
        number for word in held_out for number in encode(word, VOCABULARY).tolist()}


def test_training_sentences_hold_no_unknown_word_but_the_names_on_signs():
    rng, allowed = np.random.default_rng(0), Allowed('train')
    sentences = []
    for k in range(300):
        kind = sorted(KINDS)[k % len(KINDS)]
        colour = sorted(COLOURS)[k % len(COLOURS)]
        sentences.append(object_sentence(
            rng, allowed, Named(colour, kind, KINDS[kind].others), Named('red', 'box'),
            [Beside('left of', 'blue chair')]))
        sentences.append(way_sentence(rng, allowed, (
            'gate B7', 'the lift', 'the exit', 'room 12', 'platform 3', 'the counter',
            'the stairs', 'the toilets', 'the zebra crossing', 'the stop of bus 4')[k % 10]))
    unknown = {text for text in sentences if UNKNOWN in encode(text, VOCABULARY)}
    assert unknown == set()
