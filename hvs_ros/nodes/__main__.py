# SPDX-License-Identifier: Apache-2.0
"""Run one node as a process of its own: ``python -m hvs_ros.nodes view_renderer --ros-args …``."""

from __future__ import annotations

import ctypes
from importlib import import_module
import os
import signal
import sys

from hvs_ros.ros.graph import NODES, PARENT

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask Linux to end this process when the graph that started it is gone, even by SIGKILL."""
    parent = os.environ.get(PARENT)
    if parent is None or not sys.platform.startswith('linux'):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):  # it died before we could ask
        sys.exit(1)


def main() -> int:
    """Run the node named first."""
    name = sys.argv[1] if len(sys.argv) > 1 else ''
    if name not in NODES:
        print(f'hvs: error: unknown node {name!r}: it is one of {", ".join(NODES)}',
              file=sys.stderr)
        return 2
    die_with_parent()
    return int(import_module(f'hvs_ros.nodes.{name}').main())


if __name__ == '__main__':
    sys.exit(main())
