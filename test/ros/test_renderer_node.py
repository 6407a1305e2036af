# SPDX-License-Identifier: Apache-2.0
"""The view renderer's side of a search: exactly one view a goal, and only when it may be taken."""

from __future__ import annotations

from collections.abc import Callable
import math
import time

from flow_partner import SECOND_NS, Partner, overrides, panorama_jpeg
from geometry_msgs.msg import PoseStamped
import pytest
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import CompressedImage, JointState

from hvs_ros.core.gaze import BenchmarkAngles, Gaze
from hvs_ros.core.mounts import PanoramaMount
from hvs_ros.nodes.view_renderer import ViewRenderer
from hvs_ros.ros.conversions import bgr_image, to_gaze, to_ns

GOAL = Gaze(0.5, 0.1)
PAUSE_S = 0.25  # what would come has come


def renderer(context: object, **parameters: object) -> ViewRenderer:
    return ViewRenderer(context=context, parameter_overrides=overrides(**{
        'width': 64, 'height': 36, 'gaze': 'virtual', 'still_panorama': True, 'reticle': False,
        'panorama_reliability': 'reliable', 'max_age': 60.0, **parameters}))


@pytest.fixture
def start(context: object, spin: Callable) -> Callable[..., Partner]:
    def begin(**parameters: object) -> Partner:
        spin(renderer(context, **parameters))
        partner = Partner(context=context)
        spin(partner)
        return partner
    return begin


def seconds(value: float) -> int:
    return round(value * SECOND_NS)


def test_one_view_a_goal_whose_three_topics_share_its_stamp(
        start: Callable, wait_until: Callable) -> None:
    partner = start()
    partner.panorama(panorama_jpeg())
    stamps = [1000, 2000, 3000]
    for count, stamp in enumerate(stamps, 1):
        for _ in range(3):
            partner.goal(stamp, GOAL)
        wait_until(lambda count=count: len(partner.whole_views) == count)
        partner.goal(stamp, GOAL)
        partner.panorama(panorama_jpeg())
        if count > 1:
            partner.goal(stamps[0], GOAL)
    time.sleep(PAUSE_S)
    for name in ('image/compressed', 'camera_info', 'gaze'):
        assert [to_ns(part.header.stamp) for part in partner.views[name]] == stamps
    for gaze in partner.views['gaze']:
        assert to_gaze(gaze.pose.orientation).off_by(GOAL) < 1e-12
        assert gaze.header.frame_id == 'odom'
    assert not partner.views['preview/compressed']


def test_camera_info_tells_the_field_of_view(start: Callable, wait_until: Callable) -> None:
    partner = start(horizontal_fov=math.radians(80))
    partner.panorama(panorama_jpeg())
    partner.goal(1000, GOAL)
    wait_until(lambda: partner.whole_views)
    info = partner.views['camera_info'][0]
    assert 2 * math.atan(info.width / (2 * info.k[0])) == pytest.approx(math.radians(80))
    assert (info.width, info.height) == (64, 36)


@pytest.mark.parametrize(('order', 'expected'), [
    (('panorama', 'goal'), 1), (('goal', 'panorama'), 1), (('goal',), 0), (('panorama',), 0)])
def test_a_still_panorama_may_come_before_or_after_the_goal(
        start: Callable, wait_until: Callable, order: tuple[str, ...], expected: int) -> None:
    partner = start()
    for word in order:
        if word == 'panorama':
            partner.panorama(panorama_jpeg())
        else:
            partner.goal(1000, GOAL)
        time.sleep(0.1)
    if expected:
        wait_until(lambda: partner.whole_views)
    time.sleep(PAUSE_S)
    assert partner.whole_views == [1000] * expected


def test_a_moving_virtual_view_is_the_first_panorama_captured_after_the_goal(
        start: Callable, wait_until: Callable) -> None:
    partner = start(still_panorama=False)
    base = partner.now() - seconds(10)
    partner.panorama(panorama_jpeg(1), base - 1)
    time.sleep(0.1)
    partner.goal(base, GOAL)
    time.sleep(PAUSE_S)
    assert not partner.whole_views, 'it was captured before the goal'
    partner.panorama(panorama_jpeg(2), base + seconds(0.5))
    wait_until(lambda: partner.whole_views)
    assert partner.whole_views == [base + seconds(0.5)]
    assert partner.centre() == pytest.approx((100, 100, 100), abs=4)


def test_view_stamps_strictly_increase_even_over_one_panorama(
        start: Callable, wait_until: Callable) -> None:
    partner = start(still_panorama=False)
    base = partner.now() - seconds(10)
    partner.panorama(panorama_jpeg(), base + seconds(1))
    for count in (1, 2, 3):
        partner.goal(base + count, GOAL)
        wait_until(lambda count=count: len(partner.whole_views) == count)
    assert partner.whole_views == [base + seconds(1) + nanosecond for nanosecond in range(3)]


@pytest.mark.parametrize('age_s', [2.0, -2.0], ids=['too old', 'from the future'])
def test_a_panorama_that_is_not_of_now_is_dropped(start: Callable, age_s: float) -> None:
    partner = start(still_panorama=False, max_age=1.0)
    partner.goal(1, GOAL)
    partner.panorama(panorama_jpeg(), partner.now() - seconds(age_s))
    time.sleep(PAUSE_S)
    assert not partner.whole_views


# (seconds since the goal, neck yaw) at the goal's pitch; the body stands at 0.3
ARRIVES = [(0.0, 0.0), (0.2, 0.1), (0.4, 0.2)]


@pytest.mark.parametrize(('moves', 'view_s', 'yaw'), [
    ([*ARRIVES, (0.69, 0.2)], None, 0.0),
    ([*ARRIVES, (0.7, 0.2)], 0.7, 0.5),
    ([*ARRIVES, (0.6, 0.2), (0.65, 0.15), (0.9, 0.2), (1.19, 0.2)], None, 0.0),
    ([(-5.0, 0.2), (0.1, 0.2)], 0.1, 0.5),
    ([(0.0, 0.0), (1.0, 0.1), (1.99, 0.1)], None, 0.0),
    ([(0.0, 0.0), (1.0, 0.1), (2.0, 0.1)], 2.0, 0.4),
    ([(0.0, 0.0), (1.9, 0.1), (2.0, 0.1)], None, 0.0),
    ([(0.0, 0.0), (1.9, 0.1), (2.2, 0.1)], 2.2, 0.4),
], ids=['not settled yet', 'settled', 'it twitched', 'it stood there before',
        'out of reach, too early', 'out of reach', 'out of reach, not at rest',
        'out of reach, at rest'])
def test_a_physical_view_waits_until_the_head_stands(
        start: Callable, wait_until: Callable, moves: list[tuple[float, float]],
        view_s: float | None, yaw: float) -> None:
    partner = start(gaze='physical', settle_time=0.3, arrive_timeout=2.0)
    partner.panorama(panorama_jpeg())
    base = partner.now()
    partner.goal(base, GOAL)
    time.sleep(0.1)
    for moment, neck in moves:
        partner.odom(yaw=0.3, stamp_ns=base + seconds(moment))
        partner.joints(neck, GOAL.pitch, base + seconds(moment))
        time.sleep(0.03)
    if view_s is None:
        time.sleep(PAUSE_S)
        assert not partner.whole_views
        return
    wait_until(lambda: partner.whole_views)
    assert partner.whole_views == [base + seconds(view_s)]
    measured = to_gaze(partner.views['gaze'][0].pose.orientation)
    assert measured.off_by(Gaze(yaw, GOAL.pitch)) < 1e-9, 'the gaze shown is the measured one'


def test_a_physical_view_is_cut_from_a_panorama_captured_at_rest(
        start: Callable, wait_until: Callable) -> None:
    partner = start(gaze='physical', still_panorama=False, settle_time=0.3)
    base = partner.now() - seconds(10)

    def stand(until_s: float) -> None:
        partner.odom(yaw=0.3, stamp_ns=base + seconds(until_s))
        partner.joints(0.2, GOAL.pitch, base + seconds(until_s))
        time.sleep(0.05)

    partner.goal(base, GOAL)
    stand(0.1)
    partner.panorama(panorama_jpeg(1), base + seconds(0.2))
    time.sleep(0.05)
    stand(0.6)
    time.sleep(0.1)
    assert not partner.whole_views, 'captured before it had settled'
    partner.panorama(panorama_jpeg(2), base + seconds(0.7))
    time.sleep(PAUSE_S)
    assert not partner.whole_views, 'nobody knows yet that it still stood'
    stand(0.8)
    wait_until(lambda: partner.whole_views)
    assert partner.whole_views == [base + seconds(0.7)]
    assert partner.centre() == pytest.approx((100, 100, 100), abs=4)


def test_a_hybrid_body_turns_and_the_renderer_nods(start: Callable, wait_until: Callable) -> None:
    partner = start(gaze='hybrid', settle_time=0.1)
    partner.panorama(panorama_jpeg())
    base = partner.now()
    partner.goal(base, GOAL)
    time.sleep(0.1)
    partner.odom(yaw=0.0, stamp_ns=base)
    time.sleep(0.03)
    partner.odom(yaw=0.495, stamp_ns=base + seconds(0.5))
    time.sleep(PAUSE_S)
    assert not partner.whole_views
    partner.odom(yaw=0.495, stamp_ns=base + seconds(0.6))
    wait_until(lambda: partner.whole_views)
    assert to_gaze(partner.views['gaze'][0].pose.orientation).off_by(Gaze(0.495, 0.1)) < 1e-9


def test_joint_states_may_be_partial_and_worthless(start: Callable, wait_until: Callable) -> None:
    partner = start(gaze='physical', settle_time=0.0)
    partner.panorama(panorama_jpeg())
    partner.goal(1000, GOAL)
    now = partner.now()
    partner.odom(yaw=0.3, stamp_ns=now)
    partner.joints(0.2, math.nan, now)
    partner.joints(0.2, stamp_ns=now, names=['head_yaw'])
    time.sleep(PAUSE_S)
    assert not partner.whole_views, 'the pitch is not known'
    partner.joints(GOAL.pitch, stamp_ns=now, names=['head_pitch'])
    partner.joints(9.0, stamp_ns=now + 1, names=['left_knee'])
    wait_until(lambda: partner.whole_views)
    measured = to_gaze(partner.views['gaze'][0].pose.orientation)
    assert measured.off_by(GOAL) < 1e-9


BODY, NECK = math.radians(70), (math.radians(40), math.radians(12))


@pytest.mark.parametrize('gaze', ['physical', 'virtual'])
@pytest.mark.parametrize(('kind', 'rpy', 'levelled'), [
    ('world', [0.0, 0.0, 0.0], False), ('torso', [0.0, 0.1, 0.4], False),
    ('head', [0.05, -0.3, 1.0], False), ('head', [0.05, -0.3, 1.0], True)])
def test_the_goal_is_at_the_views_centre_wherever_the_camera_sits(
        start: Callable, wait_until: Callable, gaze: str, kind: str, rpy: list[float],
        levelled: bool) -> None:
    goal = Gaze(BODY + NECK[0], NECK[1]) if gaze == 'physical' else Gaze(-1.0, 0.4)
    direction, _ = PanoramaMount(kind, rpy, levelled).in_panorama(goal, BODY, NECK)
    partner = start(
        gaze=gaze, panorama_mount=kind, mount_rpy=rpy, gravity_aligned=levelled, settle_time=0.0)
    now = partner.now()
    partner.odom(yaw=BODY, stamp_ns=now)
    partner.joints(*NECK, now)
    time.sleep(0.1)
    partner.goal(now, goal)
    partner.panorama(panorama_jpeg(0, direction))
    wait_until(lambda: partner.whole_views)
    blue, green, red = partner.centre()
    assert red > 150 and blue < 80 and green < 80


@pytest.mark.parametrize('content', [
    b'', b'no picture', panorama_jpeg()[:200]], ids=['empty', 'text', 'cut off'])
def test_a_broken_panorama_gives_no_view_and_the_next_one_does(
        start: Callable, wait_until: Callable, content: bytes) -> None:
    partner = start()
    partner.goal(1000, GOAL)
    partner.panorama(content)
    time.sleep(PAUSE_S)
    assert not partner.whole_views
    partner.panorama(panorama_jpeg())
    wait_until(lambda: partner.whole_views)


def test_a_goal_without_a_direction_asks_for_nothing(
        start: Callable, wait_until: Callable) -> None:
    partner = start()
    partner.panorama(panorama_jpeg())
    pose = PoseStamped()
    pose.header.stamp.sec = 5
    for number in (0.0, math.nan, math.inf):
        pose.pose.orientation.w = pose.pose.orientation.z = number
        partner.sender(PoseStamped, 'gaze_goal').publish(pose)
        time.sleep(0.05)
    partner.goal(1000, GOAL)
    wait_until(lambda: partner.whole_views)
    assert partner.whole_views == [1000]


def test_people_watch_a_stream_of_their_own(start: Callable, wait_until: Callable) -> None:
    partner = start(preview_rate=20.0, preview_width=48)
    partner.panorama(panorama_jpeg())
    wait_until(lambda: len(partner.views['preview/compressed']) >= 3)
    assert not partner.views['image/compressed'] and not partner.views['gaze']


def test_a_raw_panorama_is_seen_too(start: Callable, wait_until: Callable) -> None:
    import numpy as np
    partner = start()
    pixels = np.full((64, 128, 3), (10, 200, 30), np.uint8)
    partner.raw_panorama(bgr_image(pixels, partner.now(), 'panorama'))
    partner.goal(1000, GOAL)
    wait_until(lambda: partner.whole_views)
    assert partner.centre() == pytest.approx((10, 200, 30), abs=6)


def test_no_view_is_cut_from_the_panorama_before(context: object, wait_until: Callable) -> None:
    """
    Let a new panorama and then a new goal arrive while an old goal's copy is being taken.

    The copy was in the wait set alone; taking it yields the new goal, whose panorama has come
    but was not waited for.
    """
    node, partner = renderer(context), Partner(context=context)
    executor = SingleThreadedExecutor(context=context)
    ears = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    ears.add_node(partner)

    def settle() -> None:
        for _ in range(20):
            executor.spin_once(timeout_sec=0.02)
            ears.spin_once(timeout_sec=0.02)

    try:
        partner.panorama(panorama_jpeg(1))
        partner.goal(1000, GOAL)
        settle()
        assert partner.centre() == pytest.approx((70, 70, 70), abs=4)
        partner.goal(1000, GOAL)
        partner.joints(0.5)
        _acknowledged(partner, PoseStamped, 'gaze_goal')
        _acknowledged(partner, JointState, 'joint_states', 10)
        while not node._gaze.history.neck_at(0)[0]:
            executor.spin_once(timeout_sec=0.02)
        # the copy is next, without another look round: the executor keeps to one wait set while
        # it is asked with the same timeout
        partner.panorama(panorama_jpeg(2))
        _acknowledged(partner, CompressedImage, 'equirectangular/image/compressed')
        partner.goal(2000, BenchmarkAngles(0, 0).to_gaze())
        _acknowledged(partner, PoseStamped, 'gaze_goal')
        settle()
        assert partner.whole_views == [1000, 2000]
        assert partner.centre() == pytest.approx((100, 100, 100), abs=4)
    finally:
        for each in (executor, ears):
            each.shutdown(timeout_sec=1.0)
        node.destroy_node()
        partner.destroy_node()


def _acknowledged(partner: Partner, kind: type, topic: str, qos: object = None) -> None:
    publisher = partner.sender(kind, topic) if qos is None else partner.sender(kind, topic, qos)
    assert publisher.wait_for_all_acked(Duration(seconds=2))
    time.sleep(0.05)  # a best-effort reader acknowledges nothing
