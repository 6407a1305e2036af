# SPDX-License-Identifier: Apache-2.0
"""The graph's list as launch actions, for ``ros2 launch``."""

from __future__ import annotations

import os
from typing import Any

from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    OpaqueFunction,
    SetEnvironmentVariable,
    Shutdown,
)
from launch_ros.actions import Node

from hvs_ros.core.share import share_path
from hvs_ros.ros.graph import (
    COMMON,
    SHARED_MEMORY,
    Argument,
    deployment_of,
    graph,
    parameter_files,
)

RESPAWN_DELAY_S = 1.0


def describe(name: str) -> LaunchDescription:
    """Return the launch description of a deployment."""
    deployment = deployment_of(name)
    arguments = (*deployment.arguments, *COMMON)

    def _nodes(context: LaunchContext) -> list[Any]:
        given = {
            argument.name: context.launch_configurations[argument.name]
            for argument in arguments}
        files = parameter_files(deployment, given)
        return [
            Node(
                package='hvs_ros', executable=entry.name, name=entry.name,
                namespace=given['namespace'], output='screen',
                parameters=[*files, dict(entry.parameters)],
                respawn=not entry.essential, respawn_delay=RESPAWN_DELAY_S,
                on_exit=[Shutdown(reason=f'{entry.name} has ended')] if entry.essential else None)
            for entry in graph(deployment, given)]

    return LaunchDescription([
        *_shared_memory(), *map(_declare, arguments), OpaqueFunction(function=_nodes)])


def _declare(argument: Argument) -> DeclareLaunchArgument:
    choices = list(argument.choices) or None
    return DeclareLaunchArgument(
        argument.name, default_value=argument.default, description=argument.description,
        choices=choices)


def _shared_memory() -> list[SetEnvironmentVariable]:
    """Return what lets large images pass between processes, unless the user has a profile."""
    profile = str(share_path('config/fastdds_shared_memory.xml'))
    return [
        SetEnvironmentVariable(name, profile)
        for name in SHARED_MEMORY if name not in os.environ]
