# SPDX-License-Identifier: Apache-2.0
"""The names that gymnasium knows the environments by."""

from __future__ import annotations

import gymnasium

NAMES = {'hvs/ObjectSearch-v0': 'object', 'hvs/PathSearch-v0': 'path'}
ENTRY_POINT = 'hvs_ros.environments.gymnasium_env:SearchEnv'


def register_environments() -> None:
    """Register the environments, once; gymnasiums with plug-ins call it by themselves."""
    for name, kind in NAMES.items():
        if name not in gymnasium.registry:
            # The turn limit is the environment's own: the texts tell of it.
            gymnasium.register(name, ENTRY_POINT, kwargs={'kind': kind})
