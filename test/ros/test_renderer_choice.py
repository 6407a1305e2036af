# SPDX-License-Identifier: Apache-2.0
"""The view renderer renders on the CPU unless told otherwise, and says why it cannot."""

from __future__ import annotations

import sys

from flow_partner import overrides
import pytest

from hvs_ros.core.errors import InputError
from hvs_ros.core.renderer import Renderer
from hvs_ros.nodes.view_renderer import ViewRenderer


def test_views_are_made_on_the_cpu_unless_a_gpu_is_asked_for(context):
    node = ViewRenderer(context=context)
    assert type(node._renderer) is Renderer
    node.destroy_node()


@pytest.mark.parametrize('kind, sentence', [
    ('cuda', r"^renderer cannot be 'cuda': torch is not installed"),
    ('gpu', r"^view_renderer: parameter renderer cannot be 'gpu': it must be one of cpu, cuda$"),
])
def test_a_renderer_that_cannot_be_had_is_refused_at_start(context, monkeypatch, kind, sentence):
    monkeypatch.setitem(sys.modules, 'torch', None)
    with pytest.raises(InputError, match=sentence):
        ViewRenderer(context=context, parameter_overrides=overrides(renderer=kind))
