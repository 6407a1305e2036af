# SPDX-License-Identifier: Apache-2.0
"""The life of a node: made, spun on an executor of its own, stopped, destroyed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import signal
import sys
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from hvs_ros.core.errors import HvsError

_WAKE_S = 0.1  # how long a signal may wait for the executor to look up
_LEAVE_S = 1.0  # how long taking leave of the other participants may take


def now_ns(node: Node) -> int:
    """Return the node's ROS time in nanoseconds."""
    return int(node.get_clock().now().nanoseconds)


@contextmanager
def leaving(seconds: float) -> Iterator[None]:
    """
    Leave within so many seconds or be ended by the kernel (SIGALRM).

    Fast DDS can spin for ever, holding Python's lock, while it takes leave of peers that were
    killed at the same moment; no thread of ours could end that. Main thread only.
    """
    before = signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


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
        # a plain flag: a signal handler that takes a lock can interrupt its own thread holding it
        self._stopping = False
        self._executor = SingleThreadedExecutor(context=node.context)

    def stop(self) -> None:
        """Ask ``run`` to come back within a tenth of a second."""
        self._stopping = True

    @property
    def failure(self) -> str:
        """Return why the node could not do its work, empty when it could."""
        return getattr(self.node, 'failure', '')

    def run(self) -> None:
        """Spin until stopped, let the node say its last word, and destroy it."""
        try:
            self.spin()
        finally:
            self.destroy()

    def spin(self) -> None:
        """Spin until stopped, then let the node say its last word."""
        self._executor.add_node(self.node)
        try:
            while not (self._stopping or getattr(self.node, 'done', False)):
                self._executor.spin_once(timeout_sec=_WAKE_S)
        except (KeyboardInterrupt, ExternalShutdownException):
            pass
        except Exception as error:
            self.error = error
            raise
        finally:
            on_exit = getattr(self.node, 'on_exit', None)
            if on_exit is not None and self.node.context.ok():
                on_exit()

    def destroy(self) -> None:
        """Take the node out of the graph."""
        self._executor.remove_node(self.node)
        self.node.destroy_node()
        self._executor.shutdown(timeout_sec=1.0)


def run_node(factory: Callable[..., Node], args: list[str] | None = None, **options: Any) -> int:
    """Run one node as a program: 0 after a signal, 1 when it failed, 2 on a wrong parameter."""
    # rclpy's own handlers end the context first, and a node could no longer say stop
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    spinner: NodeSpinner | None = None
    try:
        spinner = NodeSpinner(factory(**options))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: spinner.stop())
        spinner.spin()
        if spinner.failure:
            print(f'hvs: error: {spinner.failure}', file=sys.stderr, flush=True)
            return 1
    except HvsError as error:
        print(f'hvs: error: {error}', file=sys.stderr, flush=True)
        return 2
    except KeyboardInterrupt:
        return 0
    finally:
        with leaving(_LEAVE_S):
            if spinner is not None:
                spinner.destroy()
            rclpy.try_shutdown()
    return 0
