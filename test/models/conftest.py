# SPDX-License-Identifier: Apache-2.0
"""Tiny models on disk, each made once a session, and dialogues to ask them."""

from __future__ import annotations

import numpy as np
import pytest

from hvs_ros.core.renderer import encode_jpeg
from hvs_ros.planners.base import ChatMessage


@pytest.fixture(scope='session')
def make_model(tmp_path_factory):
    """Return the folder of a tiny model of a family, random or taught to say one thing."""
    made = {}

    def make(family='qwen', words=''):
        if (family, words) not in made:
            import tiny_models
            folder = tmp_path_factory.mktemp(family)
            getattr(tiny_models, f'make_{family}')(folder)
            made[family, words] = tiny_models.teach(folder, words) if words else folder
        return made[family, words]
    return make


@pytest.fixture(scope='session')
def picture():
    """Return a JPEG of 320x180 that differs by its seed."""
    def draw(seed=0):
        noise = np.random.default_rng(seed).integers(0, 255, (9, 16, 3), np.uint8)
        return encode_jpeg(np.kron(noise, np.ones((20, 20, 1), np.uint8)))
    return draw


@pytest.fixture(scope='session')
def dialogue(picture):
    """Return the dialogue of a second turn: two images, one answer."""
    return [
        ChatMessage('system', ['You steer a head.\n']),
        ChatMessage('user', ['Find the lamp.\n', picture(1), '\nThis is the first view. ']),
        ChatMessage('assistant', ['<think>No lamp.</think><answer>rotate(40,0)</answer>']),
        ChatMessage('user', ['Find the lamp.\n', picture(2), '  \n'])]
