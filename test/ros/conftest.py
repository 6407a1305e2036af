# SPDX-License-Identifier: Apache-2.0
"""Real rclpy on a domain of this test run alone, never beyond this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import os
from pathlib import Path
import sys
import threading
import time

import pytest

# parts for tests that other folders own
for folder in ('planners', 'evaluation'):
    sys.path.append(str(Path(__file__).resolve().parents[1] / folder))
rclpy = pytest.importorskip('rclpy', reason='rclpy is not installed (extra [ros])')
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
# the wheels allow 0 to 101; a domain by process keeps runs on one machine apart
DOMAIN = int(os.environ.get('HVS_TEST_DOMAIN', 1 + os.getpid() % 100))


@pytest.fixture(scope='session')
def domain_id() -> int:
    return DOMAIN


@pytest.fixture(scope='session', autouse=True)
def swept() -> Iterator[None]:
    """Leave no shared memory of killed nodes behind."""
    from hvs_ros.ros.shared_memory import sweep

    yield
    sweep()


@pytest.fixture
def context(domain_id: int) -> Iterator[object]:
    """A context of the test's own, shut down after it."""
    from rclpy.context import Context

    own = Context()
    rclpy.init(context=own, domain_id=domain_id)
    yield own
    if own.ok():
        own.shutdown()


@pytest.fixture
def spin(context: object) -> Iterator[Callable]:
    """Return a function that runs a node on a thread of its own until the test ends."""
    from hvs_ros.ros.node import NodeSpinner

    running: list[tuple[NodeSpinner, threading.Thread]] = []

    def start(node: object) -> NodeSpinner:
        spinner = NodeSpinner(node)
        thread = threading.Thread(target=spinner.run, daemon=True)
        thread.start()
        running.append((spinner, thread))
        return spinner

    yield start
    for spinner, _ in running:
        spinner.stop()
    for _, thread in running:
        thread.join(3.0)
        assert not thread.is_alive(), 'a node did not stop'


def wait_until(condition: Callable[[], object], timeout_s: float = 5.0) -> object:
    """Return the condition's first true value; fail when there is none in time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f'not within {timeout_s} s: {getattr(condition, "__doc__", condition)}')


@pytest.fixture(name='wait_until')
def _wait_until() -> Callable:
    return wait_until
