# SPDX-License-Identifier: Apache-2.0
"""Launch the replay graph: benchmark panoramas, scored."""

from launch import LaunchDescription

from hvs_ros.ros.launch_description import describe


def generate_launch_description() -> LaunchDescription:
    return describe('replay')
