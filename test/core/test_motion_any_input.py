# SPDX-License-Identifier: Apache-2.0
"""Whatever the controller hears, in whatever order, what it sends stays inside the limits."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st
from motion_fixtures import JOINTS, QUICK, Loop, limits, offer

from hvs_ros.core.gaze import Gaze
from hvs_ros.core.motion import Command
from hvs_ros.core.motion_inputs import BodyPose

SILENCE = Command()
STOP = (0.0, 0.0)

EVENTS = st.lists(st.one_of(
    st.tuples(st.just('goal'), st.sampled_from(['gaze', 'heading']), st.floats(-4, 4),
              st.floats(-1.6, 1.6), st.floats(-6, 6), st.integers(-1500, 700)),
    st.tuples(st.just('joints'), st.floats(allow_nan=True, width=32)),
    st.tuples(st.just('odom'), st.floats(-5, 5) | st.just(math.nan), st.floats(-4, 4)),
    st.tuples(st.just('enable'), st.booleans()), st.tuples(st.just('stop')),
    st.tuples(st.just('emergency'), st.booleans()), st.tuples(st.just('place')),
    st.tuples(st.just('publishers'), st.integers(0, 2)),
    st.tuples(st.just('deadman'), st.booleans()), st.tuples(st.just('scan'), st.floats(0, 3)),
    st.tuples(st.just('mute'), st.booleans(), st.booleans()),
    st.tuples(st.just('hold up'), st.integers(1, 800)),
    st.tuples(st.just('back'), st.integers(1, 5000))), max_size=25)
BODIES = st.fixed_dictionaries({
    'gaze': st.sampled_from(['physical', 'virtual', 'hybrid']), 'deadman': st.booleans(),
    'obstacle': st.booleans(), 'follow_gaze': st.booleans(),
    'neck_pitch_sign': st.sampled_from([-1.0, 1.0])})


def happen(loop: Loop, event: tuple) -> None:
    motion, now, name = loop.motion, loop.now_ns, event[0]
    if name == 'goal':
        loop.goal = offer(event[1], Gaze(event[2], event[3]), now + event[5] * 10**6, (
            event[4] * math.cos(event[2]), event[4] * math.sin(event[2])))
    elif name == 'joints':
        motion.hear_joints(now, now, JOINTS, (event[1], 0.1))
    elif name == 'odom':
        motion.odometry.hear(now, now, BodyPose(event[1], 0.0, event[2]))
    elif name == 'mute':
        loop.hears_joints, loop.hears_odom = event[1:]
    elif name in ('hold up', 'back'):
        loop.now_ns += event[1] * 10**6 * (1 if name == 'hold up' else -1)
    else:
        {'enable': lambda: motion.enable(now, event[1]), 'stop': motion.stop,
         'emergency': lambda: motion.hear_emergency(event[1]),
         'place': lambda: motion.odometry.place(now),
         'publishers': lambda: motion.hear_publishers({'gaze_goal': ['/a'] * event[1]}),
         'deadman': lambda: motion.guards.hear_deadman(now, event[1]),
         'scan': lambda: motion.guards.hear_obstacle(now, event[1])}[name]()


@settings(max_examples=150, deadline=None)
@given(events=EVENTS, body=BODIES, quick=st.booleans())
def test_whatever_happens_limits_hold_faults_stop_and_disabled_is_silent(events, body, quick):
    bounds = limits(**body, **(QUICK if quick else {}))
    loop = Loop(bounds)
    last = STOP
    for event in [*events, ('stop',)]:
        happen(loop, event)
        if event == ('enable', False):
            last = STOP  # the farewell
        for _ in range(15):
            command = loop.tick()
            check(bounds, command, last, loop.motion.state.state)
            last = command.velocity or STOP
    assert loop.commands[-1].velocity == (
        None if loop.motion.state.state == 'disabled' else STOP)


def check(bounds, command: Command, last: tuple[float, float], state: str) -> None:
    linear, angular = command.velocity or STOP
    assert command == SILENCE or state != 'disabled'
    assert command.velocity in (None, STOP) or state not in ('fault', 'stopped', 'disabled')
    assert command.velocity is not None or last == STOP, 'silent while it moves'
    assert 0.0 <= linear <= bounds.max_linear and abs(angular) <= bounds.max_angular
    # a late loop may slew for a tenth of a second at most, and only a stop ignores slew
    assert linear == 0.0 or linear - last[0] <= bounds.max_linear_acceleration * 0.1 + 1e-9
    assert angular == 0.0 or (
        abs(angular - last[1]) <= bounds.max_angular_acceleration * 0.1 + 1e-9)
    if command.neck is not None:
        yaw, pitch = (a * s for a, s in zip(
            command.neck, (bounds.neck_yaw_sign, bounds.neck_pitch_sign), strict=True))
        assert bounds.yaw_limits[0] <= yaw <= bounds.yaw_limits[1]
        assert bounds.pitch_limits[0] <= pitch <= bounds.pitch_limits[1]
