# SPDX-License-Identifier: Apache-2.0
"""The search as pure logic: numpy and OpenCV only, no ROS and no network."""
