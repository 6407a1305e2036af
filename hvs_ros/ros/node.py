# SPDX-License-Identifier: Apache-2.0
"""The life of a node: made, spun on an executor of its own, stopped, destroyed."""

from __future__ import annotations

from collections.abc import Callable
import signal
import sys
import threading
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from hvs_ros.core.errors import HvsError

_WAKE_S = 0.1  # how long a signal may wait for the executor to look up


def now_ns(node: Node) -> int:
    """Return the node's ROS time in nanoseconds."""
    return int(node.get_clock().now().nanoseconds)


class NodeSpinner:
    """
    Spin one node on an executor of its own.

    ``run`` returns after ``stop`` was called, from any thread or a signal handler, or when the
    node has set its attribute ``done``; and after the node's ``on_exit``, so that a node's last
    message (stop!) leaves while its context still lives. A node that could not do its work says
    why in its attribute ``failure``.
    """

    def __init__(self, node: Node) -> None:
        """Own the node; ``run`` destroys it."""
        self.node = node
        self.error: BaseException | None = None
        self._stopping = threading.Event()
        self._executor = SingleThreadedExecutor(context=node.context)

    def stop(self) -> None:
        """Ask ``run`` to come back within a tenth of a second."""
        self._stopping.set()

    @property
    def failure(self) -> str:
        """Return why the node could not do its work, empty when it could."""
        return getattr(self.node, 'failure', '')

    def run(self) -> None:
        """Spin until stopped, then let the node say its last word."""
        self._executor.add_node(self.node)
        try:
            while not (self._stopping.is_set() or getattr(self.node, 'done', False)):
                self._executor.spin_once(timeout_sec=_WAKE_S)
        except (KeyboardInterrupt, ExternalShutdownException):
            pass
        except Exception as error:
            self.error = error
        finally:
            self._leave()
        if self.error is not None:
            raise self.error

    def _leave(self) -> None:
        on_exit = getattr(self.node, 'on_exit', None)
        if on_exit is not None and self.node.context.ok():
            on_exit()
        self._executor.remove_node(self.node)
        self.node.destroy_node()
        self._executor.shutdown(timeout_sec=1.0)


def run_node(factory: Callable[..., Node], args: list[str] | None = None, **options: Any) -> int:
    """Run one node as a program: 0 after a signal, 1 when it failed, 2 on a wrong parameter."""
    # rclpy's own handlers end the context first, and a node could no longer say stop
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    try:
        spinner = NodeSpinner(factory(**options))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: spinner.stop())
        spinner.run()
        if spinner.failure:
            print(f'hvs: error: {spinner.failure}', file=sys.stderr)
            return 1
    except HvsError as error:
        print(f'hvs: error: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0
    finally:
        rclpy.try_shutdown()
    return 0
