# SPDX-License-Identifier: Apache-2.0
"""Searches as environments: one pure core, served over HTTP, as gymnasium and to trainers."""

import contextlib

# `import hvs_ros.environments` is all it takes to make hvs/ObjectSearch-v0, where gymnasium is.
with contextlib.suppress(ImportError):
    from hvs_ros.environments import registration

    registration.register_environments()
