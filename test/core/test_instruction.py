# SPDX-License-Identifier: Apache-2.0
"""Rule 1 of a search: what an instruction may look like, and what is refused by name."""

from __future__ import annotations

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st
import pytest

from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.instruction import MAX_CHARACTERS, Instruction, read_instruction


@pytest.mark.parametrize(('text', 'expected'), [
    ('the red fire extinguisher', Instruction('the red fire extinguisher')),
    ('  "quoted", [listed]  ', Instruction('"quoted", [listed]')),
    ('["a list is a sentence"]', Instruction('["a list is a sentence"]')),
    ('{"instruction": "a cup"}', Instruction('a cup')),
    (' \n{"instruction": " a cup ", "id": "x", "seed": 3, "start": [370, -10.5]}',
     Instruction('a cup', 'x', 3, BenchmarkAngles(10, -10.5))),
    ('{"instruction": "a cup", "start": [-90, 90], "colour": "red"}',
     Instruction('a cup', start=BenchmarkAngles(270, 90))),
    ('{"instruction": "a cup", "seed": null, "start": null, "order": "second"}',
     Instruction('a cup', order='second')),
    (f'{{"instruction": "a cup", "start": [0, 0], "seed": {10**30}}}', Instruction(
        'a cup', seed=10**30, start=BenchmarkAngles(0, 0))),
])
def test_an_instruction_is_read(text: str, expected: Instruction) -> None:
    assert read_instruction(text) == expected


@pytest.mark.parametrize(('text', 'names'), [
    ('', 'instruction'), ('   ', 'instruction'),
    ('{"instruction": "a cup"', 'broken JSON'), ('{a cup}', 'broken JSON'),
    ('{' * 9000, 'broken JSON'), ('{"a":' * 1500, 'broken JSON'),
    ('{}', 'None'), ('{"instruction": 5}', '5'), ('{"instruction": " "}', 'sentence'),
    ('{"instruction": "a", "id": 7}', 'id cannot be 7'),
    ('{"instruction": "a", "id": null}', 'id cannot be None'),
    ('{"instruction": "a", "order": []}', 'order cannot be'),
    ('{"instruction": "a", "seed": 1.5}', 'seed cannot be 1.5'),
    ('{"instruction": "a", "seed": true}', 'seed cannot be True'),
    ('{"instruction": "a", "start": 90}', 'start cannot be 90'),
    ('{"instruction": "a", "start": [90]}', 'start cannot be'),
    ('{"instruction": "a", "start": [90, 0, 0]}', 'start cannot be'),
    ('{"instruction": "a", "start": ["90", 0]}', 'start cannot be'),
    ('{"instruction": "a", "start": [true, 0]}', 'start cannot be'),
    ('{"instruction": "a", "start": [NaN, 0]}', 'start cannot be'),
    ('{"instruction": "a", "start": [0, Infinity]}', 'start cannot be'),
    ('{"instruction": "a", "start": [1e999, 0]}', 'start cannot be'),
    ('{"instruction": "a", "start": [1%s, 0]}' % ('0' * 400), 'start cannot be'),
    ('{"instruction": "a", "seed": 1%s}' % ('0' * 5000), 'broken JSON'),
    ('{"instruction": "a", "start": [0, 91]}', 'pitch in [-90, 90]'),
    ('a' * (MAX_CHARACTERS + 1), f'{MAX_CHARACTERS} are allowed'),
])
def test_what_cannot_be_used_is_named_in_one_sentence(text: str, names: str) -> None:
    with pytest.raises(InputError) as error:
        read_instruction(text)
    assert names in str(error.value)
    assert len(str(error.value)) < 250 and '\n' not in str(error.value)


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InputError):
        assert read_instruction(text).text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner,
                                                                max_size=3), max_leaves=6)


@given(st.fixed_dictionaries({}, optional={
    name: JSON for name in ('instruction', 'id', 'seed', 'start', 'order')}))
def test_any_json_object_is_read_or_refused(payload: dict[str, object]) -> None:
    try:
        start = read_instruction(json.dumps(payload)).start
    except InputError:
        return
    assert start is None or (0 <= start.yaw < 360 and -90 <= start.pitch <= 90)


@given(
    st.text(min_size=1).filter(str.strip), st.text(max_size=20), st.none() | st.integers(),
    st.none() | st.tuples(st.integers(0, 359), st.integers(-90, 90)), st.text(max_size=5))
def test_the_json_form_says_the_same(
        text: str, name: str, seed: int | None, start: tuple[int, int] | None,
        order: str) -> None:
    told = Instruction(
        text.strip(), name, seed, None if start is None else BenchmarkAngles(*start), order)
    assert read_instruction(told.to_json()) == told
