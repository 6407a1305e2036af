# SPDX-License-Identifier: Apache-2.0
"""Launch the robot graph: a real humanoid; camera driver and joint controllers run elsewhere."""

from launch import LaunchDescription

from hvs_ros.ros.launch_description import describe


def generate_launch_description() -> LaunchDescription:
    return describe('robot')
