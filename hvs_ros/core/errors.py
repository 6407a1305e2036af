# SPDX-License-Identifier: Apache-2.0
"""The errors a user can cause, each carrying one clear sentence."""

from __future__ import annotations


class HvsError(Exception):
    """Tell the user, in one sentence, why the work cannot go on."""


class InputError(HvsError):
    """Name the file, the field and the value that cannot be used."""
