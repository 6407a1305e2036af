# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a dataset: one finding each, which some raise and others collect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Weight = Literal['refused', 'wrong', 'note']


@dataclass(frozen=True)
class Problem:
    """
    Name one thing in ``file`` that is not as it should be.

    ``field`` is the annotation's key at fault, empty where it is the file. ``sentence`` says it
    whole, file and value included. ``refused`` keeps episodes from being loaded; ``wrong`` loads
    and is a mistake all the same; a ``note`` may well be meant.
    """

    file: str
    field: str
    sentence: str
    weight: Weight = 'refused'


Report = Callable[[Problem], None]
