# SPDX-License-Identifier: Apache-2.0
"""Humanoid visual search on ROS 2."""

__version__ = '0.1.0'
