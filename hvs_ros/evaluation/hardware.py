# SPDX-License-Identifier: Apache-2.0
"""On what a run was carried out: processor, memory and GPUs of this machine."""

from __future__ import annotations

import os
from pathlib import Path
import platform
import shutil
import subprocess
from typing import Any


def describe_hardware() -> dict[str, Any]:
    """
    Return processor, cores, memory in bytes and GPU names, None for what cannot be told.

    A model server on another machine is not asked.
    """
    return {
        'processor': processor(), 'cores': os.cpu_count(), 'memory_bytes': _memory(),
        'gpus': _gpus()}


def processor() -> str | None:
    """Return the processor's name."""
    try:
        lines = Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines()
    except OSError:
        lines = []
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return (names[0] if names else platform.processor()) or None


def _memory() -> int | None:
    try:
        return os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
    except (OSError, ValueError):
        return None


def _gpus() -> list[str]:
    """Return the names of the NVIDIA GPUs, none where there is no driver or it does not answer."""
    if shutil.which('nvidia-smi') is None:
        return []
    try:
        done = subprocess.run(
            ['nvidia-smi', '--query-gpu=name', '--format=csv,noheader'], capture_output=True,
            text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]
