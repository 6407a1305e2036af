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
from launch.events.process import ProcessExited
from launch_ros.actions import Node

from hvs_ros.core.errors import HvsError
from hvs_ros.core.share import share_path
from hvs_ros.ros.graph import (
    COMMON,
    PARENT,
    SHARED_MEMORY,
    Argument,
    NodeEntry,
    deployment_of,
    graph,
    parameter_files,
)

RESPAWN_DELAY_S = 1.0
_REFUSED = 2  # exit code of a node that cannot run with the parameters it was given


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
            _node(entry, files, given['namespace']) for entry in graph(deployment, given)]

    return LaunchDescription([
        *_environment(), *map(_declare, arguments), OpaqueFunction(function=_nodes)])


def _node(entry: NodeEntry, files: list[str], namespace: str) -> Node:
    return Node(
        package='hvs_ros', executable=entry.name, name=entry.name, namespace=namespace,
        output='screen', parameters=[*files, dict(entry.parameters)],
        respawn=not entry.essential, respawn_delay=RESPAWN_DELAY_S,
        on_exit=lambda event, context: _ended(entry, event, context))


def _ended(entry: NodeEntry, event: ProcessExited, context: LaunchContext) -> list[Shutdown]:
    """End the graph with its essential node, and with any that would only refuse again."""
    if context.is_shutdown:
        return []
    if event.returncode and (entry.essential or event.returncode == _REFUSED):
        # an exception is what makes ros2 launch itself leave with an error
        raise HvsError(f'{entry.name} ended with exit code {event.returncode}')
    return [Shutdown(reason=f'{entry.name} has ended')] if entry.essential else []


def _declare(argument: Argument) -> DeclareLaunchArgument:
    choices = list(argument.choices) or None
    return DeclareLaunchArgument(
        argument.name, default_value=argument.default, description=argument.description,
        choices=choices)


def _environment() -> list[SetEnvironmentVariable]:
    """Return what passes large images between processes, and keeps none alive without us."""
    actions = [SetEnvironmentVariable(PARENT, str(os.getpid()))]
    if SHARED_MEMORY not in os.environ:  # a user's own profile wins
        profile = str(share_path('config/fastdds_shared_memory.xml'))
        actions.append(SetEnvironmentVariable(SHARED_MEMORY, profile))
    return actions
