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
    """Return the median, with the 95th percentile beside it."""
    p50, p95 = (float(part) for part in np.percentile(times_ms, (50, 95)))
    return Measured(p50, {'p95': round(p95, 2), 'count': len(times_ms)})
