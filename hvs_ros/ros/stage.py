# SPDX-License-Identifier: Apache-2.0
"""The stage of a replayed episode: its panorama, the body's start, the instruction."""

from __future__ import annotations

from geometry_msgs.msg import PoseWithCovarianceStamped
from rclpy.duration import Duration
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import String

from hvs_ros.core.episode import Episode
from hvs_ros.core.instruction import Instruction
from hvs_ros.core.panorama import decode
from hvs_ros.ros.conversions import compressed, initial_pose
from hvs_ros.ros.image_source import encoding
from hvs_ros.ros.qos import EVENTS, RELIABLE


class Stage:
    """
    Set the scene of one episode and keep it up while it runs.

    The panorama goes out as the file's own bytes, and is acknowledged before the instruction
    leaves: no view of an episode can be cut from the panorama before it.
    """

    def __init__(self, node: Node) -> None:
        """Create the publishers."""
        self._node = node
        self._panorama = node.create_publisher(
            CompressedImage, 'equirectangular/image/compressed', RELIABLE)
        self._pose = node.create_publisher(PoseWithCovarianceStamped, 'initialpose', RELIABLE)
        self._find = {
            'object': node.create_publisher(String, 'find_object', EVENTS),
            'path': node.create_publisher(String, 'find_path', EVENTS)}
        self._watchers = 0
        self._checked = ''
        self._picture: CompressedImage | None = None
        self._order: tuple[str, String] | None = None

    @property
    def missing(self) -> str:
        """Return what the episode still lacks: a planner, a renderer; empty when all are there."""
        if not all(find.get_subscription_count() for find in self._find.values()):
            return 'search planner'
        if not self._panorama.get_subscription_count():
            return 'view renderer'
        if not self._node.count_publishers('search_planner/result'):
            return 'search planner'
        return ''

    def set(self, episode: Episode, seed: int, order: str) -> None:
        """
        Show the episode; raise ``InputError`` when its panorama cannot be used.

        ``order`` tells this giving of the instruction from every other.
        """
        content = episode.panorama.read()
        if self._checked != episode.panorama.name:
            decode(content, episode.panorama.name)  # a broken file is its own outcome
            self._checked = episode.panorama.name
        now_ns = self._node.get_clock().now().nanoseconds
        kind = encoding(content)
        self._picture = compressed(content, kind, now_ns, 'panorama')
        self.show()
        self._panorama.wait_for_all_acked(Duration(seconds=5))
        self._pose.publish(initial_pose(episode.start.to_gaze().yaw, now_ns))
        instruction = Instruction(
            episode.instruction, episode.id, seed, episode.start, order)
        self._order = (episode.target.kind, String(data=instruction.to_json()))
        self.tell()

    def tell(self) -> None:
        """Give the instruction (again): a planner that knows it ignores it."""
        if self._order is not None:
            kind, order = self._order
            self._find[kind].publish(order)

    def show(self) -> None:
        """Publish the panorama (again)."""
        if self._picture is not None:
            self._watchers = self._panorama.get_subscription_count()
            self._panorama.publish(self._picture)

    def show_newcomers(self) -> None:
        """Publish the panorama when a subscriber has joined since."""
        joined = self._panorama.get_subscription_count()
        if joined > self._watchers:
            self.show()
        self._watchers = joined
