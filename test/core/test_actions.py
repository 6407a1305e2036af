# SPDX-License-Identifier: Apache-2.0
"""Any text is read without an exception, and the examples of the protocol mean what they say."""

from __future__ import annotations

import sys

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from hvs_ros.core.actions import ANSWER_FORMATS, Invalid, Rotate, Submit, parse
from hvs_ros.core.errors import InputError
from hvs_ros.core.profile import PROFILES

BOTH = ('published-2025', 'published-2026')
PIECES = st.sampled_from([
    '<think>', '</think>', '<answer>', '</answer>', '<observation>', '</observation>',
    '<reasoning>', '</reasoning>', '<image>', 'rotate(', 'submit(', ')', '|', ',', '-', '1_0',
    '30', ' ', '\n', '\u0663', '\u00b2', '\u00b0', '9' * 400, '1' * 5000, 'nan', 'inf', '1e999',
    '\ud800', 'yaw=', '\x1c', '\0'])


def answer(action: str) -> str:
    return f'<think>look</think><answer>{action}</answer>'


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=12).map(''.join),
       st.sampled_from(list(PROFILES)), st.sampled_from(ANSWER_FORMATS))
def test_no_text_raises(text, parser, answer_format):
    parsed = parse(text, parser, answer_format)
    assert isinstance(parsed.action, (Rotate, Submit, Invalid))
    if isinstance(parsed.action, Submit):
        float(parsed.action.yaw), float(parsed.action.pitch)
    assert parsed.acknowledged or parsed.action.reason


@pytest.mark.parametrize('parser', PROFILES)
@pytest.mark.parametrize('text', [None, '', ' ', '\n', '<think>', '</answer><answer>'])
def test_nothing_is_invalid(text, parser):
    assert isinstance(parse(text, parser, 'free_think').action, Invalid)


@pytest.mark.parametrize('parser', PROFILES)
def test_a_reply_as_asked_is_read_by_all(parser):
    parsed = parse('<think>look</think><answer>rotate(-30,5)</answer>', parser, 'free_think')
    assert (parsed.action, parsed.thought, parsed.format_correct) == (
        Rotate(-30, 5), 'look', True)
    assert parsed.action_texts == ('rotate(-30,5)',)


@pytest.mark.parametrize('parser', PROFILES)
def test_observation_and_reasoning_are_kept_apart(parser):
    parsed = parse(
        '<think><observation>a wall</observation><reasoning>go on</reasoning></think>'
        '<answer>submit(10,5)</answer>', parser, 'grounding')
    assert (parsed.action, parsed.observation, parsed.reasoning) == (
        Submit(10, 5), 'a wall', 'go on')


@pytest.mark.parametrize('parser', BOTH)
@pytest.mark.parametrize('text, action', [
    ('rotate(30,0', Rotate(30, 0)), ('rotate 30,0', Rotate(30, 0)),
    ('rotate30,0', Rotate(30, 0)), ('rotate((30,0))', Rotate(30, 0)),
    ('rotate(+30,1_0)', Rotate(30, 10)), ('rotate(\uff13\uff10,0)', Rotate(30, 0)),
    ('rotate(30,0,9)', Rotate(30, 0)), ('rotate(1,2)|submit(3,4)', Rotate(1, 2)),
    ('rotate(12.5,0)', None), ('rotate (30,0)', None), ('rotate(yaw=30,pitch=0)', None),
    ('rotate(30,0).', None), ('Rotate(30,0)', None), ('look', None), ('rotate(30)', None),
])
def test_quirk_q4(parser, text, action):
    parsed = parse(answer(text), parser, 'free_think').action
    assert isinstance(parsed, Invalid) if action is None else parsed == action


@pytest.mark.parametrize('parser', BOTH)
def test_a_submit_beyond_all_floats_stays_computable_and_scores_the_same(parser):
    huge = '8' * 400
    parsed = parse(answer(f'submit({huge},-{huge})'), parser, 'free_think').action
    assert parsed == Submit(int(huge) % 360, -10**9)


@pytest.mark.parametrize('parser', BOTH)
def test_a_rotation_by_hundreds_of_digits_is_exact(parser):
    huge = '8' * 400
    assert parse(answer(f'rotate({huge},0)'), parser, 'free_think').action.dyaw == int(huge)


@pytest.mark.skipif(not hasattr(sys, 'get_int_max_str_digits'), reason='int() has no limit here')
@pytest.mark.parametrize('parser', PROFILES)
def test_more_digits_than_int_reads_are_invalid(parser):
    text = f'rotate({"1" * (sys.get_int_max_str_digits() + 1)},0)'
    assert isinstance(parse(answer(text), parser, 'free_think').action, Invalid)


def test_text_around_observation_and_reasoning_is_wasted_in_2025_only():
    text = ('so <think><observation>o</observation><reasoning>r</reasoning></think>'
            '<answer>rotate(7,0)</answer>')
    old, new = (parse(text, parser, 'grounding') for parser in BOTH)
    assert (old.wasted, old.acknowledged, isinstance(old.action, Invalid)) == (True, True, True)
    assert (new.wasted, new.acknowledged, new.action) == (False, True, Rotate(7, 0))


@pytest.mark.parametrize('text', [
    '<think>' * 20_000, '</think>' * 20_000, '<answer>' * 20_000,
    '</think> ' * 20_000 + '<answer>', '<think><observation></observation><reasoning>' * 5_000,
    ' ' * 100_000, 'rotate(' + ' ' * 50_000])
@pytest.mark.parametrize('parser', PROFILES)
@pytest.mark.timeout(10)
def test_long_texts_take_no_time(text, parser):
    for answer_format in ANSWER_FORMATS:
        assert isinstance(parse(text, parser, answer_format).action, Invalid)


@pytest.mark.parametrize('parser, answer_format, said', [
    ('lax', 'free_think', "unknown parser 'lax'"), ('strict', 'poem', "answer format 'poem'")])
def test_unknown_names_are_refused(parser, answer_format, said):
    with pytest.raises(InputError, match=said):
        parse('', parser, answer_format)
