# SPDX-License-Identifier: Apache-2.0
"""Model text to an action: Rotate, Submit or Invalid, per profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union


@dataclass(frozen=True)
class Rotate:
    """Turn by so many degrees: ``dyaw`` positive to the right, ``dpitch`` positive up."""

    dyaw: float
    dpitch: float


@dataclass(frozen=True)
class Submit:
    """Answer with an absolute direction in benchmark degrees."""

    yaw: float
    pitch: float


@dataclass(frozen=True)
class Invalid:
    """Say why a text is not an action; the turn is spent."""

    reason: str


Action = Union[Rotate, Submit, Invalid]
ANSWER_FORMATS = ('free_think', 'no_think', 'grounding')
