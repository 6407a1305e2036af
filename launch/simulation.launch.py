# SPDX-License-Identifier: Apache-2.0
"""Launch the simulation graph: a kinematic humanoid inside a panorama; send it instructions."""

from launch import LaunchDescription

from hvs_ros.ros.launch_description import describe


def generate_launch_description() -> LaunchDescription:
    return describe('simulation')
