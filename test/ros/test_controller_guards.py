# SPDX-License-Identifier: Apache-2.0
"""The optional topics of the controller, its message types, and how its process ends."""

from __future__ import annotations

from collections.abc import Callable
import os
import signal
import subprocess
import sys
import time
from typing import Any

from body_bench import Bench, overrides
from geometry_msgs.msg import PoseWithCovarianceStamped
from nav_msgs.msg import Odometry
import pytest
from sensor_msgs.msg import LaserScan
from std_msgs.msg import Bool

from hvs_ros.core.gaze import Gaze
from hvs_ros.nodes.humanoid_controller import HumanoidController
from hvs_ros.nodes.humanoid_simulator import HumanoidSimulator
from hvs_ros.ros.conversions import initial_pose
from hvs_ros.ros.qos import EVENTS

pytestmark = pytest.mark.ros
LEFT = Gaze(3.0, 0.3)
STOP = (0.0, 0.0)
NODES = {'humanoid_controller': 'HumanoidController', 'humanoid_simulator': 'HumanoidSimulator'}


@pytest.fixture
def graph(context, spin) -> Callable[..., Bench]:
    def start(stamped: bool = True, **parameters: Any) -> Bench:
        spin(HumanoidSimulator(context=context, parameter_overrides=overrides(
            publish_clock=False, stamped_cmd_vel=stamped)))
        spin(HumanoidController(context=context, parameter_overrides=overrides(**{
            'enabled_at_start': parameters.get('simulated', True), 'simulated': True,
            'stamped_cmd_vel': stamped, **parameters})))
        return Bench(stamped=stamped, context=context)

    return start


def test_a_pressed_emergency_stop_latches(graph, spin, wait_until):
    bench = graph(emergency_stop=True)
    pressed = bench.create_publisher(Bool, 'emergency_stop', 1)
    spin(bench)
    bench.stand(LEFT)
    wait_until(lambda: bench.state['state'] == 'turning' and pressed.get_subscription_count())
    pressed.publish(Bool(data=True))
    wait_until(lambda: bench.state['reason'] == 'emergency stop')
    pressed.publish(Bool(data=False))
    time.sleep(0.2)
    assert bench.state['state'] == 'stopped' and bench.velocity == STOP


def test_a_deadman_that_is_no_longer_heard_stops_the_body(graph, spin, wait_until):
    bench = graph(deadman=True)
    held = bench.create_publisher(Bool, 'deadman', 1)
    timer = bench.create_timer(0.1, lambda: held.publish(Bool(data=True)))
    spin(bench)
    bench.stand(LEFT)
    wait_until(lambda: bench.state['state'] == 'turning')
    timer.cancel()
    wait_until(lambda: bench.state['reason'] == 'deadman is not heard')
    wait_until(lambda: bench.velocity == STOP)


def test_an_obstacle_ahead_holds_the_walk(graph, spin, wait_until):
    bench = graph(obstacle=True, gaze='virtual')
    scan = bench.create_publisher(LaserScan, 'obstacle', 1)
    near = LaserScan(angle_min=-0.1, angle_increment=0.1, range_min=0.05, ranges=[3.0, 0.3, 3.0])
    bench.create_timer(0.1, lambda: scan.publish(near))
    spin(bench)
    wait_until(lambda: bench.state['state'] == 'idle')
    bench.stand(Gaze(0.0, 0.0), 'heading_goal', x=1.0)
    wait_until(lambda: bench.state['reason'] == 'obstacle nearer than 0.6 m')
    near.ranges = [3.0, 3.0, 3.0]
    wait_until(lambda: bench.state['state'] == 'walking')


@pytest.mark.parametrize(('simulated', 'state'), [(True, 'turning'), (False, 'fault')])
def test_initialpose_moves_a_simulated_body_only(graph, spin, wait_until, simulated, state):
    bench = graph(simulated=simulated)
    place = bench.create_publisher(PoseWithCovarianceStamped, 'initialpose', EVENTS)
    spin(bench)
    bench.enable(True)
    bench.stand(LEFT)
    wait_until(lambda: bench.state['state'] == 'turning' and (
        place.get_subscription_count() == (2 if simulated else 1)))
    place.publish(initial_pose(-1.5, 0))
    time.sleep(0.3)
    assert bench.state['state'] == state


def test_cmd_vel_may_be_a_plain_twist(graph, spin, wait_until):
    bench = graph(stamped=False)
    spin(bench)
    bench.stand(LEFT)
    wait_until(lambda: bench.velocity and bench.velocity[1] > 0.0)


@pytest.mark.parametrize('name', NODES)
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_process_quickly_with_code_0_and_no_traceback(
        name, number, domain_id, context, spin, wait_until):
    code = f'from hvs_ros.nodes.{name} import main; raise SystemExit(main())'
    process = subprocess.Popen(
        [sys.executable, '-c', code], stderr=subprocess.PIPE, text=True,
        env={**os.environ, 'ROS_DOMAIN_ID': str(domain_id)})
    watcher, odometry = Bench(context=context), []
    watcher.create_subscription(Odometry, 'odom', odometry.append, EVENTS)
    spin(watcher)
    wait_until(lambda: odometry or watcher.states, 20.0)  # it spins
    process.send_signal(number)
    began = time.monotonic()
    _, errors = process.communicate(timeout=5.0)
    assert process.returncode == 0 and 'Traceback' not in errors
    assert time.monotonic() - began < 2.0


def test_a_wrong_parameter_ends_the_process_with_one_sentence(domain_id):
    code = 'from hvs_ros.nodes.humanoid_controller import main; raise SystemExit(main())'
    process = subprocess.run(
        [sys.executable, '-c', code, '--ros-args', '-p', 'yaw_limits:=[0.5, 1.0]'],
        capture_output=True, text=True, timeout=20.0,
        env={**os.environ, 'ROS_DOMAIN_ID': str(domain_id)})
    assert process.returncode == 2
    assert process.stderr.strip().splitlines() == [
        'hvs: error: yaw_limits must enclose 0, not [0.5, 1.0]']
