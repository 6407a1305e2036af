# SPDX-License-Identifier: Apache-2.0
"""Procedural panoramas with exact answers, written in the benchmark's folder format."""
from __future__ import annotations

from hvs_ros.scenes.generator import LAYOUTS, Order, Size, generate, make_scene

__all__ = ['LAYOUTS', 'Order', 'Size', 'generate', 'make_scene']
