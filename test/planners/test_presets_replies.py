# SPDX-License-Identifier: Apache-2.0
"""Each preset's parser on replies in its model's own style (worded here, none was recorded)."""

from __future__ import annotations

import preset_wire
import pytest

from hvs_ros.core.actions import Invalid, Rotate, Submit
from hvs_ros.core.profile import get_profile
from hvs_ros.core.prompts import load_prompts

WASTED = None  # the turn is spent: the profile's parser finds no action

# (reply, what `strict` reads, what `published-2026` reads)
QWEN25 = [
    ('<think>The sofa is to the left, so I turn left.</think><answer>rotate(-60,0)</answer>',
     Rotate(-60, 0), Rotate(-60, 0)),
    ('```xml\n<think>I see the sign.</think>\n<answer>submit(120,5)</answer>\n```',
     Submit(120, 5), Submit(120, 5)),
    ('<think>Bounding box: [812, 403, 991, 655]. It is ahead.</think>\n\n'
     '<answer>rotate(yaw=12, pitch=-4)</answer>', Rotate(12, -4), WASTED),
    ('<think>It is at the right.</think><answer>rotate(30,0).</answer>', WASTED, WASTED),
    ('addCriterion\n<answer>rotate(45,0)</answer>', Rotate(45, 0), Rotate(45, 0)),
]
HVS = [
    ('<think>The target is not in the current view. I rotate right to scan the environment.'
     '</think><answer>rotate(45,0)</answer>', Rotate(45, 0), Rotate(45, 0)),
    ('<think>The fire extinguisher is centred at the cross.</think>\n<answer>submit(213,-8)'
     '</answer>', Submit(213, -8), Submit(213, -8)),
    ('<think>I go on to the left.</think><answer>rotate(-90,0)|rotate(-45,0)</answer>',
     WASTED, Rotate(-90, 0)),
    ('<think>The exit sign is slightly above.<answer>rotate(5,10)</answer>',
     WASTED, Rotate(5, 10)),
]
QWEN3 = [
    ('<think>\nOkay, let me look. The lamp could be behind me; I first thought of '
     '<answer>rotate(180,0)</answer>, but the light comes from the right.\n</think>\n\n'
     '<answer>rotate(75,0)</answer>', Rotate(75, 0), Rotate(75, 0)),
    ('\n<think>\nHmm, maybe <answer>rotate(10,0)</answer>? No.\n</think>\n'
     '<answer>rotate(-20,0)</answer>', Rotate(-20, 0), Rotate(10, 0)),
    # the chat template of the Thinking variant writes the opening tag itself
    ('Let me think about it.\n</think>\n\n<answer>submit(93, 6)</answer>',
     Submit(93, 6), Submit(93, 6)),
    ('<think>I turn by 37.5°.</think><answer>rotate(37.5°, 0°)</answer>',
     Rotate(37.5, 0), WASTED),
]
GEMMA = [
    ('```\n<answer>rotate(-90,0)</answer>\n```', Rotate(-90, 0), WASTED),
    ("**Okay!** I don't see the mug yet, so let's look to the right. 😊\n\n"
     '<answer>**rotate(90, 0)**</answer>\n', WASTED, WASTED),
    ('<answer>rotate(90,0)</answer>', Rotate(90, 0), Rotate(90, 0)),
    ('rotate(15°, -10°)', Rotate(15, -10), WASTED),
    ("Here's my action:\n\n<answer>submit(yaw=240°, pitch=-5°)</answer>", Submit(240, -5), WASTED),
]
INTERNVL = [
    ('<think>The image shows a corridor. The door is on the left side.</think>'
     '<answer>rotate(-35,0)</answer>', Rotate(-35, 0), Rotate(-35, 0)),
    ('<think>The object <ref>red ball</ref><box>[[501, 322, 560, 399]]</box> is near the '
     'centre.</think> <answer>Submit(271, -3)</answer>', Submit(271, -3), WASTED),
    ('rotate(45, 0)', Rotate(45, 0), WASTED),
]
GPT = [
    ('<think>I see a doorway at the far left; the extinguisher is usually beside one.</think>\n'
     '<answer>rotate(-50, 0)</answer>', Rotate(-50, 0), Rotate(-50, 0)),
    ("I'm sorry, but I can't help with identifying people in images.", WASTED, WASTED),
    ('<think>Centred.</think>\n<answer>submit(12,-7)</answer>', Submit(12, -7), Submit(12, -7)),
    ('<answer>rotate(30,0)</answer>\n\nLet me know what you see next!',
     Rotate(30, 0), Rotate(30, 0)),
]
GEMINI = [
    ('<think>The sign "Gate B" has an arrow pointing right.</think><answer>rotate(70,0)</answer>',
     Rotate(70, 0), Rotate(70, 0)),
    ('```html\n<think>It is there.</think>\n<answer>submit(305,0)</answer>\n```',
     Submit(305, 0), Submit(305, 0)),
    ('', WASTED, WASTED),  # all tokens went into unseen thoughts
    ('<answer>\nrotate(+20,-5)\n</answer>', Rotate(20, -5), Rotate(20, -5)),
]
CLAUDE = [
    ('<think>I can see a wooden door about 20° right of the green cross.</think>\n\n'
     '<answer>rotate(20,0)</answer>', Rotate(20, 0), Rotate(20, 0)),
    ('Looking at the view, the way out is ahead.\n\n<think>Submit it.</think>\n'
     '<answer>submit(180,0)</answer>', Submit(180, 0), Submit(180, 0)),
    ('<think>Two candidates.</think>\n<answer>rotate(10,0)</answer>\nOn reflection:\n'
     '<answer>rotate(-10,0)</answer>', Rotate(-10, 0), Rotate(10, 0)),
]
STYLES = {
    'hvs-3b': HVS, 'hvs-3b-sft': HVS, 'qwen2.5-vl-3b': QWEN25, 'qwen2.5-vl-7b': QWEN25,
    'qwen3-vl-4b': QWEN3, 'qwen3-vl-8b': QWEN3, 'gemma-3-4b': GEMMA, 'internvl3-8b': INTERNVL,
    'gpt-4o': GPT, 'gpt-5': GPT, 'gemini-2.5-pro': GEMINI, 'claude-opus': CLAUDE,
    'openrouter-qwen3-vl': QWEN3}


def test_every_preset_has_replies_in_its_style():
    assert sorted(STYLES) == preset_wire.names()
    assert min(len(replies) for replies in STYLES.values()) >= 3


@pytest.mark.parametrize(('name', 'reply', 'strict', 'published'), [
    (name, *case) for name, replies in STYLES.items() for case in replies])
def test_a_reply_in_a_models_style_means_what_the_profile_says(name, reply, strict, published):
    answer_format = load_prompts(preset_wire.settings(name)['prompts']).answer_format
    for profile, expected in (('strict', strict), ('published-2026', published)):
        action = get_profile(profile).parse(reply, answer_format).action
        assert (None if isinstance(action, Invalid) else action) == expected, profile
