# SPDX-License-Identifier: Apache-2.0
"""The limits of every motion: how far, how fast, how suddenly."""

from __future__ import annotations

from dataclasses import dataclass
import math

from hvs_ros.core.errors import InputError

PERIOD_S = 0.02  # the 50 Hz of the control loop
LEAD_S = 0.1  # how far ahead a streamed neck point lies; the contract allows 0.15 s
STOP_TICKS = 50  # one second of zeros after motion, counted so that a dead clock cannot stretch it
HEADING_GAIN = 4.0  # 1/s; stable up to a loop delay of about 0.15 s
DISTANCE_GAIN = 4.0  # 1/s
_SLOWEST_WALK = 0.05  # m/s


@dataclass(frozen=True, kw_only=True)
class MotionLimits:
    """
    Hold what the body may do; angles in radians, REP-103 signs, metres and seconds.

    ``gaze`` is virtual, physical or hybrid. An empty joint name means a body without that joint;
    a sign is -1 where the joint counts the other way round. ``simulated`` bodies may be placed by
    ``initialpose`` and walk without dead-man or obstacle topic. ``stop_deceleration`` 0 means
    unlimited.
    """

    gaze: str
    neck_yaw_joint: str
    neck_pitch_joint: str
    neck_yaw_sign: float
    neck_pitch_sign: float
    yaw_limits: tuple[float, float]
    pitch_limits: tuple[float, float]
    max_head_velocity: float
    max_head_acceleration: float
    max_linear: float
    max_angular: float
    max_linear_acceleration: float
    max_angular_acceleration: float
    stop_deceleration: float
    max_walk_distance: float
    goal_timeout: float
    max_goal_age: float
    input_timeout: float
    settle_tolerance: float
    follow_gaze: bool
    simulated: bool
    emergency_stop: bool
    deadman: bool
    obstacle: bool
    obstacle_distance: float

    def __post_init__(self) -> None:
        """Refuse limits that contradict each other."""
        for name in ('yaw_limits', 'pitch_limits'):
            low, high = _pair(name, getattr(self, name))
            if not low <= 0.0 <= high:
                raise InputError(f'{name} must enclose 0, not [{low}, {high}]')
            object.__setattr__(self, name, (low, high))
        for name in ('neck_yaw_sign', 'neck_pitch_sign'):
            if getattr(self, name) not in (-1.0, 1.0):
                raise InputError(f'{name} must be 1 or -1, not {getattr(self, name)}')
        if bool(self.neck_yaw_joint) != bool(self.neck_pitch_joint):
            raise InputError('neck_yaw_joint and neck_pitch_joint must both be named, or neither')

    @property
    def has_neck(self) -> bool:
        """Return whether the controller may command a neck."""
        return self.gaze != 'hybrid' and bool(self.neck_yaw_joint)

    @property
    def may_walk(self) -> bool:
        """Return whether something guards a walk: a dead-man, an obstacle topic, a simulation."""
        return self.simulated or self.deadman or self.obstacle


def check_walking(
        deployment: str, walk_distance: float, *, deadman: bool, obstacle: bool) -> None:
    """Raise ``InputError`` when a real robot would walk with nobody and nothing to stop it."""
    if deployment == 'robot' and walk_distance > 0.0 and not (deadman or obstacle):
        raise InputError(
            f'walk_distance {walk_distance:g} on a robot needs a dead-man or an obstacle topic: '
            'set deadman or obstacle of humanoid_controller to true')


def clip(value: float, low: float, high: float) -> float:
    """Return the value inside [low, high]."""
    return max(low, min(high, value))


def slew(value: float, wanted: float, change: float) -> float:
    """Return ``wanted``, or as near to it as a change of at most ``change`` comes."""
    return clip(wanted, value - change, value + change)


def approach(
        position: float, velocity: float, target: float, *, max_velocity: float,
        max_acceleration: float, dt: float) -> tuple[float, float]:
    """
    Return (position, velocity) one step of ``dt`` seconds nearer to the target.

    With c = a dt, a speed v that shrinks by c each step needs (n + 1) v - c n (n + 1) / 2 times
    dt to stop, n + 1 steps in all; solved for v that is the fastest speed from which the last
    step lands on the target, to the last bit.
    """
    if dt <= 0.0:
        return position, velocity
    landing, change = (target - position) / dt, max_acceleration * dt
    steps = math.floor((math.sqrt(1.0 + 8.0 * abs(landing) / change) - 1.0) / 2.0)
    stoppable = abs(landing) / (steps + 1) + change * steps / 2.0
    wanted = math.copysign(min(max_velocity, stoppable), landing)
    if wanted == landing and abs(landing - velocity) <= change:
        return target, landing
    speed = clip(slew(velocity, wanted, change), -max_velocity, max_velocity)
    return position + speed * dt, speed


def turn_rate(limits: MotionLimits, left: float) -> float:
    """Return the turning velocity (rad/s) that closes ``left`` radians without overshoot."""
    fastest = min(
        limits.max_angular, HEADING_GAIN * abs(left),
        math.sqrt(2.0 * limits.max_angular_acceleration * abs(left)))
    return math.copysign(fastest, left)


def walk_rate(limits: MotionLimits, left: float) -> float:
    """Return the walking velocity (m/s) for ``left`` metres; never backwards."""
    if left <= 0.0:
        return 0.0
    braking = math.sqrt(2.0 * limits.max_linear_acceleration * left)
    return min(limits.max_linear, max(_SLOWEST_WALK, min(DISTANCE_GAIN * left, braking)))


def walk_time(limits: MotionLimits, distance: float, arrived: float) -> float:
    """
    Return the nominal time (s) of a walk that ends ``arrived`` metres before ``distance``.

    Cruise, one ramp's worth lost to speeding up and braking, and the last stretch, which
    ``DISTANCE_GAIN`` closes exponentially where it brakes earlier than the slew must.
    """
    slew_m_s2 = limits.max_linear_acceleration
    stretch = min(2.0 * slew_m_s2 / DISTANCE_GAIN ** 2, distance)
    tail_s = max(0.0, math.log(stretch / arrived)) / DISTANCE_GAIN
    return distance / max(limits.max_linear, 1e-6) + limits.max_linear / slew_m_s2 + tail_s


def _pair(name: str, values: object) -> tuple[float, float]:
    numbers = tuple(values) if isinstance(values, (list, tuple)) else ()
    if len(numbers) != 2 or not all(math.isfinite(number) for number in numbers):
        raise InputError(f'{name} must be two numbers [low, high], not {values!r}')
    return float(numbers[0]), float(numbers[1])
