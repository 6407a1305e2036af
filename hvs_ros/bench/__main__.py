# SPDX-License-Identifier: Apache-2.0
"""Measure one figure in this process: what `hvs bench` starts for each of them."""

from __future__ import annotations

from pathlib import Path
import sys

from hvs_ros.bench.scale import SCALES
from hvs_ros.bench.sitting import measure_here
from hvs_ros.core.errors import HvsError


def main(name: str, scale: str, pictures: str, answer: str) -> int:
    """Run as ``python -m hvs_ros.bench FIGURE SCALE FOLDER ANSWER``."""
    try:
        measure_here(name, SCALES[scale], Path(pictures), Path(answer))
    except HvsError as error:
        print(f'hvs: error: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:5]))
