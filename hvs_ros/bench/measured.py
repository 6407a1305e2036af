# SPDX-License-Identifier: Apache-2.0
"""What a measurement came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hvs_ros.core.errors import HvsError


class BenchError(HvsError):
    """Say which figure could not be measured and why."""


@dataclass(frozen=True)
class Measured:
    """Hold a figure's value and what it was made of."""

    value: float
    detail: dict[str, Any] = field(default_factory=dict)


def median_of(times_ms: Sequence[float]) -> Measured:
    """Return the median; beside it the 95th percentile, and the 5th: an undisturbed turn."""
    p05, p50, p95 = (float(part) for part in np.percentile(times_ms, (5, 50, 95)))
    return Measured(p50, {'p05': round(p05, 2), 'p95': round(p95, 2), 'count': len(times_ms)})
