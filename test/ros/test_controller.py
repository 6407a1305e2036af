# SPDX-License-Identifier: Apache-2.0
"""The safety section with real rclpy: the controller, a simulated body and somebody's goals."""

from __future__ import annotations

from collections.abc import Callable
import time
from typing import Any

from body_bench import QUICK, Bench, overrides
from geometry_msgs.msg import PoseStamped
import pytest

from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import Gaze
from hvs_ros.nodes.humanoid_controller import HumanoidController
from hvs_ros.nodes.humanoid_simulator import HumanoidSimulator

pytestmark = pytest.mark.ros
LEFT = Gaze(3.0, 0.3)
STOP = (0.0, 0.0)


@pytest.fixture
def graph(context, spin) -> Callable[..., Bench]:
    """Return a function that starts simulator, controller and a bench."""

    def start(publish_clock: bool = False, **parameters: Any) -> Bench:
        shared = {'use_sim_time': True} if publish_clock else {}
        simulator = HumanoidSimulator(
            context=context, parameter_overrides=overrides(publish_clock=publish_clock))
        values = {'enabled_at_start': True, 'simulated': True, **shared, **parameters}
        controller = HumanoidController(
            context=context, parameter_overrides=overrides(**values))
        bench = Bench(context=context, parameter_overrides=overrides(**shared))
        bench.simulator, bench.controller = spin(simulator), spin(controller)
        bench.body = simulator
        spin(bench)
        return bench

    return start


def turn(bench: Bench, wait_until) -> None:
    wait_until(lambda: bench.state['state'] in ('idle', 'disabled'))
    bench.stand(LEFT)
    wait_until(lambda: bench.state['state'] == 'turning' and bench.velocity not in (None, STOP))


def seconds_to_zero(bench: Bench, since: float, wait_until) -> float:
    wait_until(lambda: bench.velocity == STOP)
    return next(when for when, velocity in bench.velocities
                if when >= since and velocity == STOP) - since


def test_a_gaze_goal_brings_neck_and_body_there_and_to_rest(graph, wait_until):
    bench = graph(**QUICK)
    turn(bench, wait_until)
    wait_until(lambda: bench.state.get('reached'))

    def error() -> float:
        state = bench.body._body.state
        return Gaze(state.yaw + state.neck_yaw, state.neck_pitch).off_by(LEFT)

    assert error() <= 0.02
    wait_until(lambda: error() < 1e-9, 0.5)
    assert bench.state['goal_stamp'] > 0 and not bench.state['limited']


def test_disabled_publishes_nothing_and_goals_from_before_the_enable_stay_dead(graph, wait_until):
    bench = graph(enabled_at_start=False)
    wait_until(lambda: bench.state['state'] == 'disabled')
    bench.stand(LEFT)
    time.sleep(0.6)
    assert bench.enable(True).success
    wait_until(lambda: 'before the body was enabled' in bench.state['reason'])
    assert not bench.velocities and not bench.trajectories
    bench.stand(LEFT)
    wait_until(lambda: bench.state['state'] == 'turning')


def test_stop_latches_until_enable_goes_false_then_true(graph, wait_until):
    bench = graph()
    turn(bench, wait_until)
    called = time.monotonic()
    assert bench.stop().success
    assert seconds_to_zero(bench, called, wait_until) < 0.2
    bench.enable(True)
    bench.stand(LEFT)
    since = time.monotonic()
    time.sleep(1.2)
    heard = [velocity for when, velocity in bench.velocities if when > since]
    assert 50 <= len(heard) <= 70 and set(heard) == {STOP}
    assert bench.state['state'] == 'stopped'
    bench.enable(False)
    bench.enable(True)
    bench.stand(LEFT)
    wait_until(lambda: bench.state['state'] == 'turning')


def test_a_planner_that_dies_stops_the_body_and_cmd_vel_falls_silent(graph, wait_until):
    bench = graph()
    turn(bench, wait_until)
    bench.goal = None
    died = time.monotonic()
    assert seconds_to_zero(bench, died, wait_until) < 0.6
    time.sleep(1.2)
    count = len(bench.velocities)
    assert bench.velocities[-1][0] - died < 1.7
    time.sleep(0.2)
    assert len(bench.velocities) == count


def test_a_clock_that_stands_still_stops_the_body(graph, wait_until):
    bench = graph(publish_clock=True)
    turn(bench, wait_until)
    bench.simulator.stop()  # the clock, and with it the control loop's time
    stood = time.monotonic()
    assert seconds_to_zero(bench, stood, wait_until) < 0.9  # it may take 0.1 s to stop spinning
    wait_until(lambda: bench.state['reason'] == 'ROS time stands still')


def test_two_publishers_of_a_goal_are_a_fault_with_their_names(graph, wait_until, context, spin):
    bench = graph()
    turn(bench, wait_until)
    spin(Bench('second_planner', context=context))
    wait_until(lambda: bench.state['state'] == 'fault')
    assert bench.state['reason'] == 'gaze_goal has 2 publishers: /planner, /second_planner'
    assert bench.velocity == STOP


def test_graphs_in_two_namespaces_do_not_disturb_each_other(graph, wait_until, context, spin):
    bench = graph()
    turn(bench, wait_until)
    spin(Bench('planner', context=context, namespace='other'))
    time.sleep(0.6)
    assert bench.state['state'] == 'turning'


def test_a_default_goal_is_refused_with_a_diagnostic_and_moves_nothing(graph, wait_until):
    bench = graph()
    wait_until(lambda: bench.state['state'] == 'idle')
    bench.goal = PoseStamped()
    wait_until(lambda: any(
        'gaze_goal refused: its frame is ""' in value.value
        for status in bench.diagnostics for value in status.values))
    assert bench.state['state'] == 'idle' and not bench.velocities and not bench.trajectories


def test_a_lost_body_stops_within_a_third_of_a_second(graph, wait_until):
    bench = graph()
    turn(bench, wait_until)
    bench.simulator.stop()
    lost = time.monotonic()
    assert seconds_to_zero(bench, lost, wait_until) < 0.35 + 0.1 + 0.1  # its spinner's wake-up
    wait_until(lambda: bench.state['reason'].endswith('is stale'))


def test_neck_points_are_single_unstamped_and_near(graph, wait_until):
    bench = graph()
    turn(bench, wait_until)
    wait_until(lambda: len(bench.trajectories) > 10)
    for _, trajectory in bench.trajectories:
        ahead = trajectory.points[0].time_from_start
        assert len(trajectory.points) == 1 and len(trajectory.points[0].positions) == 2
        assert trajectory.joint_names == ['head_yaw', 'head_pitch']
        assert (trajectory.header.stamp.sec, trajectory.header.stamp.nanosec) == (0, 0)
        assert ahead.sec == 0 and 0 < ahead.nanosec <= 150_000_000


def test_the_last_command_of_a_node_that_ends_is_stop(graph, wait_until):
    bench = graph()
    turn(bench, wait_until)
    bench.controller.stop()
    wait_until(lambda: bench.velocity == STOP)


def test_a_heading_goal_is_faced_walked_to_and_told(graph, wait_until):
    bench = graph(gaze='virtual', max_linear=2.0, max_linear_acceleration=20.0, **QUICK)
    wait_until(lambda: bench.state['state'] == 'idle')
    bench.stand(Gaze(0.5, 0.0), 'heading_goal', x=0.4388, y=0.2397)
    wait_until(lambda: bench.state.get('reached'))
    assert bench.state['walked_m'] == pytest.approx(0.5, abs=0.05)
    assert {'turning', 'walking'} <= {state['state'] for state in bench.states}


@pytest.mark.parametrize(('parameters', 'words'), [
    ({'enabled_at_start': True}, 'enabled_at_start is for simulated bodies only'),
    ({'yaw_limits': [0.5, 1.0]}, 'yaw_limits must enclose 0'),
    ({'gaze': 'sideways'}, 'gaze cannot be'), ({'max_linear': -1.0}, 'max_linear cannot be'),
])
def test_parameters_that_make_no_sense_are_refused_at_start(context, parameters, words):
    with pytest.raises(InputError, match=words):
        HumanoidController(context=context, parameter_overrides=overrides(**parameters))
