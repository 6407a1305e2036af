# SPDX-License-Identifier: Apache-2.0
"""Two small scenes of the split train, drawn once, and what was seen of them."""

from __future__ import annotations

import pytest

from hvs_ros.learning.views import make_views

NUMBERS = (0, 7)


@pytest.fixture(scope='session')
def shard():
    """Return the views of a room and a lobby."""
    return make_views('train', NUMBERS)
