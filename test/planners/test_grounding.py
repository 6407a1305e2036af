# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import math

import cv2
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from hvs_ros.core.episode import load_episodes
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.panorama import load_panorama
from hvs_ros.core.profile import PROFILES
from hvs_ros.core.renderer import Renderer, ViewSpec
from hvs_ros.core.search import SearchSession, Task
from hvs_ros.core.share import share_path
from hvs_ros.core.view import View
from hvs_ros.planners.grounder_shape import ShapeGrounder
from hvs_ros.planners.grounding import GroundingPlanner, scan_plan
from hvs_ros.planners.phrases import phrases_of
from hvs_ros.planners.registry import make_planner
from hvs_ros.planners.sightings import Box, Hit, Thresholds, apart, direction_of, read_view

SPEC = ViewSpec(width=960, height=540)
RED, BLUE, GREEN = (30, 30, 210), (210, 80, 20), (60, 160, 30)


@pytest.fixture(scope='module')
def renderer():
    return Renderer(SPEC)


def panorama(*things, size=(2048, 1024)):
    """Return a grey world with things (shape, BGR, yaw, pitch, radius in degrees)."""
    width, height = size
    image = np.full((height, width, 3), 128, np.uint8)
    yaw = (np.arange(width) + 0.5) / width * 360 - 180
    pitch = 90 - (np.arange(height) + 0.5) / height * 180
    for shape, colour, at_yaw, at_pitch, radius in things:
        across = ((yaw - at_yaw + 180) % 360 - 180)[None, :] * math.cos(math.radians(at_pitch))
        up = (pitch - at_pitch)[:, None]
        inside = {
            'ball': across ** 2 + up ** 2 <= radius ** 2,
            'box': (abs(across) <= radius * 1.2) & (abs(up) <= radius),
            'cone': (abs(up) <= radius) & (abs(across) <= 0.34 * (radius - up)),
        }[shape]
        image[inside] = colour
    return image


def search(world, renderer, instruction, start=0, planner=None, kind='object', max_turns=10):
    task = Task('x', kind, instruction, BenchmarkAngles(start, 0))
    session = SearchSession(task, PROFILES['strict'], max_turns=max_turns)
    under_way = (planner or make_planner('builtin')).begin(task)
    while session.result is None:
        view = renderer.view(world, session.goal.to_gaze())
        session.decide(under_way.act(session.observe(view)))
    return session


@pytest.mark.parametrize(('instruction', 'kind', 'phrase'), [
    ('Find the red fire extinguisher', 'object', 'red fire extinguisher'),
    ('Please find the three orange paintings above the bed', 'object', 'three orange paintings'),
    ('Where is my cup?', 'object', 'cup'),
    ('the blue suitcase', 'object', 'blue suitcase'),
    ('Go to gate B7', 'path', 'gate b7'),
    ('Leave through the exit', 'path', 'exit'),
    ('you want to leave the room through the wooden door', 'path', 'wooden door'),
    ('Take the stairs up to platform 4', 'path', 'platform 4'),
    ('Walk to the stop of bus 43', 'path', 'stop of bus 43'),
    ('', 'object', ''), ('???', 'path', ''),
])
def test_an_instruction_is_boiled_down_to_a_phrase(instruction, kind, phrase):
    assert phrases_of(instruction, kind)[0] == phrase


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.text(max_size=60), st.sampled_from(['object', 'path']))
def test_any_instruction_yields_a_phrase(instruction, kind):
    assert phrases_of(instruction, kind)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(yaw=st.integers(0, 359), pitch=st.integers(-90, 90),
       x=st.integers(30, 929), y=st.integers(30, 509))
def test_a_pixels_direction_is_where_the_renderer_took_it_from(yaw, pitch, x, y):
    told = BenchmarkAngles(yaw, pitch)
    view = View(b'', told.to_gaze(), SPEC.width, SPEC.height, SPEC.horizontal_fov)
    seen = direction_of(view, told, x, y)
    # A panorama whose colours are unit vectors says where each rendered pixel came from.
    lon = (np.arange(512) / 512 * 2 - 1) * math.pi
    lat = (np.arange(256) / 256 - 0.5) * math.pi
    world = np.stack([np.cos(lat)[:, None] * np.sin(lon), np.sin(lat)[:, None] * np.ones(512),
                      np.cos(lat)[:, None] * np.cos(lon)], axis=2)
    image = Renderer(ViewSpec(SPEC.width, SPEC.height, reticle=False)).render(
        np.round(world * 127 + 128).astype(np.uint8), told.to_gaze())
    right, down, ahead = (image[y, x].astype(float) - 128) / 127
    rendered = BenchmarkAngles(math.degrees(math.atan2(right, ahead)) % 360,
                               -math.degrees(math.asin(max(-1, min(1, down)))))
    assert apart(seen, rendered) < 1.5


@pytest.mark.parametrize('fov', [60, 80, 100, 120])
def test_the_scan_sees_the_level_all_around(fov):
    tall = 2 * math.degrees(math.atan(math.tan(math.radians(fov / 2)) * 9 / 16))
    plan = scan_plan(37.5, fov, tall, 'path')
    for yaw in range(360):
        assert min(abs((yaw - d.yaw + 180) % 360 - 180) for d in plan) <= fov / 2


def test_the_scan_sees_the_whole_sphere_within_the_turns():
    fov = math.radians(100)
    half = math.atan(math.tan(fov / 2) * 9 / 16)
    plan = scan_plan(0, 100, 2 * math.degrees(half), 'object')
    assert len(plan) == 8
    unseen = whole = 0.0
    for yaw in range(0, 360, 5):
        for pitch in range(-85, 86, 5):
            ray = BenchmarkAngles(yaw, pitch).to_gaze().direction()
            whole += math.cos(math.radians(pitch))
            if not any(_in_view(ray, d, fov, half) for d in plan):
                unseen += math.cos(math.radians(pitch))
    assert unseen / whole < 0.03


def _in_view(ray, looking, fov, half_height):
    gaze = looking.to_gaze()
    ahead = gaze.direction()
    left = np.array([-math.sin(gaze.yaw), math.cos(gaze.yaw), 0])
    depth, across, up = ray @ ahead, ray @ left, ray @ np.cross(ahead, left)
    return (depth > 0 and abs(across) <= depth * math.tan(fov / 2)
            and abs(up) <= depth * math.tan(half_height))


@pytest.mark.parametrize('yaw', [5, 100, 179, 260, 350])
@pytest.mark.parametrize('pitch', [-50, -15, 10, 55])
def test_a_thing_anywhere_is_centred_and_submitted(renderer, yaw, pitch):
    world = panorama(('ball', RED, yaw, pitch, 5))
    session = search(world, renderer, 'Find the red ball')
    assert session.result.status == 'submitted'
    assert apart(session.result.pose, BenchmarkAngles(yaw, pitch)) < 4
    assert session.result.answer.yaw == session.result.pose.whole().yaw


@pytest.mark.parametrize(('instruction', 'yaw'), [
    ('Find the red ball', 30), ('Find the blue ball', 120), ('Find the red traffic cone', 200),
    ('Find the blue box', 290)])
def test_colour_and_outline_both_tell(renderer, instruction, yaw):
    world = panorama(('ball', RED, 30, -10, 5), ('ball', BLUE, 120, -10, 5),
                     ('cone', RED, 200, -10, 6), ('box', BLUE, 290, -10, 5))
    session = search(world, renderer, instruction, start=90)
    assert apart(session.result.pose, BenchmarkAngles(yaw, -10)) < 4


def test_a_decimal_start_is_searched_in_whole_turns(renderer):
    session = search(panorama(('ball', RED, 250, -10, 5)), renderer, 'Find the red ball', 37.5)
    assert session.result.pose.yaw % 1 == 0.5
    assert apart(session.result.pose, BenchmarkAngles(250, -10)) < 4


@pytest.mark.parametrize('instruction', ['Find the red ball', 'Find the flux capacitor', '???'])
def test_an_empty_world_holds_nothing(renderer, instruction):
    session = search(panorama(), renderer, instruction)
    assert session.result.status == 'not_found'
    assert session.turns[-1].decision.not_found


@pytest.mark.parametrize('max_turns', [1, 2, 3])
def test_the_best_sighting_is_submitted_when_turns_run_out(renderer, max_turns):
    world = panorama(('ball', RED, 40, -10, 5))
    session = search(world, renderer, 'Find the red ball', max_turns=max_turns)
    assert session.result.status == 'submitted'
    answer = BenchmarkAngles(session.result.answer.yaw, session.result.answer.pitch)
    assert apart(answer, BenchmarkAngles(40, -10)) < 4


def test_the_reticle_is_not_a_green_thing(renderer):
    session = search(panorama(), renderer, 'Find the green ball')
    assert session.result.status == 'not_found'


def test_the_same_search_twice_is_the_same(renderer):
    world = panorama(('ball', RED, 130, -10, 5), ('cone', RED, 20, 5, 5))
    runs = [search(world, renderer, 'Find the red ball') for _ in range(2)]
    first, second = ([t.decision.reply for t in run.turns] for run in runs)
    assert first == second


def test_every_reply_is_an_action_under_every_profile(renderer):
    session = search(panorama(('ball', RED, 130, -10, 5)), renderer, 'Find the red ball')
    for turn in session.turns:
        for profile in PROFILES.values():
            parsed = profile.parse(turn.decision.reply, 'free_think')
            assert parsed.action == turn.action


def test_any_grounder_plugs_in(renderer):
    class Everywhere:
        thresholds = Thresholds()
        reads_instructions = False

        def locate(self, image, phrases):
            height, width = image.shape[:2]
            return [Hit(phrases[0], 0.9, Box(width / 2 - 5, height / 2 - 5, width / 2 + 5,
                                             height / 2 + 5))]

    planner = GroundingPlanner(Everywhere(), name='mine')
    assert search(panorama(), renderer, 'Find it', planner=planner).result.turns == 1


@pytest.mark.parametrize(('text', 'where'), [('EXIT', 60), ('GATE A14', 180), ('GATE A13', 300)])
def test_a_sign_is_found_by_what_it_says(renderer, text, where):
    world = panorama()
    for word, yaw in (('EXIT', 60), ('GATE A14', 180), ('GATE A13', 300)):
        (wide, tall), _ = cv2.getTextSize(word, cv2.FONT_HERSHEY_SIMPLEX, 0.9, 2)
        x, y = round((yaw / 360 + 0.5) % 1 * 2048) - wide // 2, 470
        cv2.rectangle(world, (x - 10, y - tall - 10), (x + wide + 10, y + 10), (110, 60, 20), -1)
        cv2.putText(world, word, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (235, 235, 235), 2,
                    cv2.LINE_AA)
    session = search(world, renderer, f'Go to {text}', kind='path')
    assert apart(session.result.pose, BenchmarkAngles(where, 8)) < 8


def test_a_view_is_read_small_and_without_its_reticle():
    view = Renderer(ViewSpec(1920, 1080)).view(panorama(), BenchmarkAngles(0, 0).to_gaze())
    image = read_view(view)
    assert image.shape == (540, 960, 3)
    assert int(np.ptp(image.reshape(-1, 3), axis=0).max()) < 60


def test_hits_come_best_first_and_within_bounds(renderer):
    world = panorama(('ball', GREEN, 0, 0, 5), ('box', GREEN, 25, 0, 5))
    image = read_view(renderer.view(world, BenchmarkAngles(10, 0).to_gaze()))
    hits = ShapeGrounder().locate(image, ['green ball'])
    assert [hit.score for hit in hits] == sorted((h.score for h in hits), reverse=True)
    assert all(0 <= hit.score <= 1 for hit in hits)


def test_builtin_finds_most_objects_of_the_bundled_episodes(renderer):
    episodes = [e for e in load_episodes(share_path('sim/episodes'))
                if e.target.kind == 'object' and e.start.yaw == 0]
    assert len(episodes) >= 8
    won, scene, world = 0, None, None
    for episode in episodes:
        if episode.scene != scene:
            scene, world = episode.scene, load_panorama(episode.panorama).image
        result = search(world, renderer, episode.instruction, episode.start.yaw).result
        won += result.status == 'submitted' and PROFILES['strict'].succeeds(
            episode.target, result.answer, result.pose)
    assert won >= 0.7 * len(episodes)
