# SPDX-License-Identifier: Apache-2.0
"""The pure environment: recorded searches, rewards, texts, views and what may be configured."""

from __future__ import annotations

from dataclasses import replace

import cv2
from environment_fixtures import (
    EDGES,
    SHARED,
    SUITES,
    TURNS,
    differences,
    environment,
    pack_for,
    recorded,
    said,
    write_mixed,
    write_scene,
)
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from hvs_ros.core.actions import ANSWER_FORMATS
from hvs_ros.core.episode import load_episodes
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.panorama import PanoramaError
from hvs_ros.core.profile import PROFILES
from hvs_ros.environments.config import ConfigError, EnvConfig
from hvs_ros.environments.environment import Environment, OrderError
from hvs_ros.environments.views import Views


@pytest.fixture(scope='module')
def episodes(tmp_path_factory):
    return load_episodes(write_mixed(tmp_path_factory.mktemp('mixed')))


def first(episodes, kind):
    return next(one for one in episodes if one.target.kind == kind)


def think(action):
    return f'<think>look</think><answer>{action}</answer>'


def replayed(path, folder, profile):
    """Return the first difference of every recorded episode, each pose known or unchanged."""
    count, found = 0, []
    made = {form: environment(profile, prompt_format=form) for form in ANSWER_FORMATS}
    for line, episode in recorded(path, folder):
        count += 1
        env = made[line.answer_format]
        env.reset(episode)
        for number, wanted in enumerate(line.turns, 1):
            if wanted['text'] is None:
                break
            step = env.step(wanted['text'])
            got = said(step.reward, step.done, step.info) | {
                'yaw': env.angles.yaw, 'pitch': env.angles.pitch}
            wrong = differences(wanted, got)
            if wrong:
                found.append(f'line {line.line}, turn {number}: {wrong[0]}')
                break
    return count, found


@pytest.mark.parametrize('path, folder, profile', SUITES, ids=lambda value: str(value)[-20:])
def test_the_conformance_suite_agrees_turn_by_turn(path, folder, profile):
    count, found = replayed(path, folder, profile)
    assert found == []
    assert count >= 60


@pytest.mark.skipif(not SHARED.is_dir(), reason='the shared benchmark data is not here')
@pytest.mark.parametrize(
    'path, folder, profile', TURNS + EDGES, ids=lambda value: str(value)[-20:])
def test_the_recorded_benchmark_episodes_agree_turn_by_turn(path, folder, profile):
    count, found = replayed(path, folder, profile)
    assert found == []
    assert count in (816, 5858)


@pytest.mark.parametrize('kind, said', [('object', 'requested object'), ('path', 'set off')])
def test_the_system_prompt_fits_the_episode_also_when_the_environment_is_used_again(
        episodes, kind, said):
    env = environment()
    for other in ('object', 'path', kind):
        env.reset(first(episodes, other))
    assert said in env.system_prompt()


def test_a_path_search_leaves_no_tolerance_behind(episodes):
    env = environment()
    env.reset(first(episodes, 'path'))
    env.step(think('submit(0,0)'))
    env.reset(first(episodes, 'object'))  # its window is 100..120, widened to 80..140
    assert env.step(think('submit(81,0)')).reward == 0.5


@pytest.mark.parametrize('config, answer, reward', [
    ({}, 'submit(141,0)', 0),
    ({'yaw_tolerance': 31}, 'submit(141,0)', 0.5),
    ({'yaw_tolerance': 10}, 'submit(121,0)', 0),
    ({'yaw_tolerance': 12.5}, 'submit(122,0)', 0.5),
    ({'pitch_tolerance': 20}, 'submit(110,26)', 0),
    ({'pitch_tolerance': 21}, 'submit(110,26)', 0.5),
    ({'pitch_tolerance': 0}, 'submit(110,16)', 0),
    ({'traj_success_reward': 2, 'traj_fail_penalty': -1}, 'submit(110,0)', 2),
    ({'traj_success_reward': 2, 'traj_fail_penalty': -1}, 'submit(0,0)', -1),
    ({'format_reward': 7}, 'submit(110,0)', 0.5),
    ({'max_action_penalty': -9, 'step_tolerance': 0}, 'rotate(30,0)', 0),
])
def test_an_object_search_is_rewarded_as_configured(episodes, config, answer, reward):
    env = environment(**config)
    env.reset(first(episodes, 'object'))
    assert env.step(think(answer)).reward == reward


@pytest.mark.parametrize('answer, reward', [('submit(350,90)', 0.5), ('submit(12,0)', 0)])
def test_the_yaw_of_a_path_search_has_its_own_tolerance(episodes, answer, reward):
    env = environment(yaw_tolerance=90, pitch_tolerance=0)
    env.reset(first(episodes, 'path'))  # its window is 355..4, widened to 349.5..9.5
    assert env.step(think(answer)).reward == reward


@pytest.mark.parametrize('answer, reward', [
    # Both ends of 80..140 and of -15..25: 80 + 140 before, 50 + 110 after turning by 30.
    ('rotate(30,0)', 60 / 180 * 3),
    ('rotate(-30,0)', -60 / 180 * 7),
    ('rotate(0,30)', -10 / 180 * 7),  # 15 + 25 before, 45 + 5 after
    ('rotate(0,10)', 0.0),
    ('rotate(x,0)', 0.0),
])
def test_a_turn_is_worth_what_it_brought_the_gaze_nearer(tmp_path, answer, reward):
    item = {'task': 'Find it', 'yaw': [80, 140], 'pitch': [-15, 25], 'initial yaw': [0],
            'level': 1}
    write_scene(tmp_path, 'one', [item])
    env = environment(effective_reward_weight=3, ineffective_penalty_weight=7)
    env.reset(load_episodes(tmp_path)[0])
    assert env.step(think(answer)).reward == pytest.approx(reward)


def test_several_actions_may_be_kept_and_only_one_can_be_carried_out(episodes):
    both = think('rotate(10,0)|rotate(20,0)|rotate(5,0)')
    env = environment()
    env.reset(first(episodes, 'object'))
    info = env.step(both).info
    assert info['actions'] == ['rotate(10,0)']
    assert info['action_content'] == 'rotate(10,0)'
    assert info['metrics']['turn_metrics']['action_is_valid']
    env = environment(max_actions_per_step=2)
    env.reset(first(episodes, 'object'))
    info = env.step(both).info
    assert info['actions'] == ['rotate(10,0)', 'rotate(20,0)']
    assert info['action_content'] == 'rotate(10,0) | rotate(20,0)'
    assert not info['metrics']['turn_metrics']['action_is_valid']


@pytest.mark.parametrize('tags, thought, content', [
    (['<think>', '</think>', '<answer>', '</answer>'], 'a <x>', '<x>rotate(1,0)'),
    (['<x>'], 'a', 'rotate(1,0)'),
    ([], ' a <x> ', ' <x>rotate(1,0) '),
    (None, ' a <x> ', ' <x>rotate(1,0) '),
])
def test_the_configured_tags_are_deleted_from_what_was_said(episodes, tags, thought, content):
    env = environment(special_token_list=tags)
    env.reset(first(episodes, 'object'))
    info = env.step('<think> a <x> </think><answer> <x>rotate(1,0) </answer>').info
    assert info['think_content'] == thought
    assert info['action_content'] == content
    assert info['llm_response'] == (
        f'<think>{thought.strip()}</think><answer>{content.strip()}</answer>')


KEYS = {
    'llm_raw_response', 'llm_response', 'think_content', 'action_content', 'actions',
    'format_correct', 'is_format_rewarded', 'metrics', 'instruction', 'env_step', 'task_success',
    'done', 'level', 'env_feedback'}


@pytest.mark.parametrize('answer_format, text, response', [
    ('free_think', '<image><think> a </think> <answer>rotate(9,0)</answer>',
     '<think>a</think><answer>rotate(9,0)</answer>'),
    ('no_think', '<answer> rotate(9,0)</answer>', '<answer>rotate(9,0)</answer>'),
    ('grounding', '<think><observation>o</observation><reasoning>r</reasoning></think>'
     '<answer>rotate(9,0)</answer>',
     '<think><observation>o</observation><reasoning>r</reasoning></think>'
     '<answer>rotate(9,0)</answer>'),
])
def test_info_says_all_that_the_published_one_does(episodes, answer_format, text, response):
    env = environment(prompt_format=answer_format)
    env.reset(first(episodes, 'object'))
    env.step('nothing')
    info = env.step(text).info
    extra = {'observation_content', 'reasoning_content'} if answer_format == 'grounding' else set()
    assert set(info) == KEYS | extra
    assert info['llm_raw_response'] == text.replace('<image>', '')
    assert info['llm_response'] == response
    assert info['env_step'] == 2
    assert info['is_format_rewarded'] is info['format_correct'] is True
    assert info['metrics'] == {
        'turn_metrics': {'action_is_valid': True, 'action_is_effective': True},
        'traj_metrics': {'success': False, 'level': info['level']}}
    assert (info['task_success'], info['done']) == (False, False)
    assert info['instruction'] == 'Find the lamp'


@pytest.mark.parametrize('answer_format', ANSWER_FORMATS)
@pytest.mark.parametrize('profile', PROFILES)
def test_the_text_holds_the_placeholder_once_until_the_answer(episodes, answer_format, profile):
    nasty = replace(first(episodes, 'object'), instruction='Find <im<image>age> the <image> lamp')
    env = environment(profile, prompt_format=answer_format)
    shown = [env.reset(nasty)]
    for answer in ('rotate(10,0)', 'rotate(<image>,1)', 'jump', 'submit(1,1)'):
        body = f'<answer>{answer}</answer>'
        thought = {'free_think': '<think>t</think>', 'no_think': '', 'grounding':
                   '<think><observation>o</observation><reasoning>r</reasoning></think>'}
        step = env.step(thought[answer_format] + body)
        shown.append(step.observation)
    assert step.done
    assert [one.text.count('<image>') for one in shown] == [1, 1, 1, 1, 0]
    assert all(one.image().shape == (90, 160, 3) for one in shown)


def test_the_view_follows_the_gaze_and_is_told_in_the_panoramas_colours(tmp_path):
    write_scene(tmp_path, 'one', [{'task': 'x', 'yaw': [1, 2], 'level': 0, 'initial yaw': [0]}])
    panorama = np.full((128, 256, 3), (10, 20, 30), np.uint8)  # BGR
    panorama[:, 128 - 32:128 + 32] = (200, 100, 50)
    assert cv2.imwrite(str(tmp_path / 'one' / 'pano_0.png'), panorama)
    env = environment()
    ahead = env.reset(load_episodes(tmp_path)[0])
    behind = env.step(think('rotate(180,0)')).observation
    assert ahead.image()[10, 80].tolist() == [50, 100, 200]
    assert behind.image()[10, 80].tolist() == [30, 20, 10]
    png = cv2.imdecode(np.frombuffer(ahead.png(), np.uint8), cv2.IMREAD_COLOR)
    assert (png[:, :, ::-1] == ahead.image()).all()
    jpeg = cv2.imdecode(np.frombuffer(ahead.jpeg(), np.uint8), cv2.IMREAD_COLOR)
    assert jpeg.shape == png.shape
    assert tuple(ahead.image()[45, 80]) == (0, 255, 0)  # the reticle


@pytest.mark.parametrize('profile, told, why', [
    ('published-2026', None, False), ('published-2025', None, False), ('strict', True, True)])
def test_after_an_invalid_answer_the_profile_decides_what_is_told(episodes, profile, told, why):
    env, episode = environment(profile), first(episodes, 'object')
    env.reset(replace(episode, start=BenchmarkAngles(77, 0)))
    step = env.step(think('look around'))
    assert ('77' in step.info['env_feedback']) is bool(told)
    assert ('yaw 77' in step.observation.text) is bool(told)
    assert ('not rotate' in step.info['env_feedback']) is why


def test_a_step_before_reset_or_after_the_answer_is_refused_and_changes_nothing(episodes):
    env = environment()
    with pytest.raises(OrderError, match='not been reset'):
        env.step(think('rotate(1,0)'))
    with pytest.raises(OrderError, match='not been reset'):
        env.system_prompt()
    env.reset(first(episodes, 'object'))
    done = env.step(think('submit(5,5)'))
    with pytest.raises(OrderError, match='has ended'):
        env.step(think('rotate(1,0)'))
    assert (env.steps, env.done, env.observation()) == (1, True, done.observation)
    assert env.reset(first(episodes, 'path')).text.count('<image>') == 1


def test_a_saved_state_can_be_gone_back_to(episodes):
    env = environment()
    env.reset(first(episodes, 'object'))
    before = env.step(think('rotate(7,0)')).observation
    state = env.saved()
    env.step(think('submit(5,5)'))
    env.restore(state)
    assert (env.done, env.steps, env.observation()) == (False, 1, before)
    assert env.step(think('rotate(1,0)')).info['env_step'] == 2


def test_a_pack_may_tell_the_action_that_was_carried_out_and_never_an_image(episodes):
    pack = replace(pack_for('free_think'), next_turn='done: [{action}]\n{image}\n{instruction}')
    env = Environment(
        EnvConfig(resolution=9, image_placeholder='<view>'), PROFILES['published-2026'], pack,
        Views())
    env.reset(first(episodes, 'object'))
    shown = env.step(think('rotate(1,0,<view>)')).observation.text
    assert shown.startswith('done: [rotate(1,0,)]')
    assert shown.count('<view>') == 1


@pytest.mark.parametrize('max_turns, told', [(None, 'any number'), (2, '2'), (1, '1')])
def test_turns_left_are_told_and_never_counted(episodes, max_turns, told):
    env = environment(max_turns=max_turns)
    assert f'Turns left: {told}' in env.reset(first(episodes, 'object')).text
    for _ in range(12):
        step = env.step(think('rotate(1,0)'))
    assert not step.done
    assert step.info['env_step'] == 12


def test_a_broken_panorama_is_an_error_with_its_name(tmp_path):
    folder = write_scene(tmp_path, 'one', [{'task': 'x', 'yaw': [1, 2], 'level': 0}])
    episode = load_episodes(tmp_path)[0]
    (folder / 'pano_0.png').write_bytes(b'no picture')
    observation = environment().reset(episode)
    with pytest.raises(PanoramaError, match='pano_0'):
        observation.png()


@given(st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_turn(episodes, text):
    env = environment('strict')
    env.reset(first(episodes, 'object'))
    step = env.step(text)
    assert step.observation.text.count('<image>') == (0 if step.done else 1)
    assert np.isfinite(step.reward)


@pytest.mark.parametrize('payload, said', [
    ({'colour': 1}, "unknown key 'colour'"),
    ({'resolution': 8}, 'resolution must be a whole number from 9 to 2160, not 8'),
    ({'resolution': 720.0}, 'resolution'),
    ({'resolution': True}, 'resolution'),
    ({'resolution': 10**5000}, 'resolution'),
    ({'prompt_format': 'worldmodeling'}, 'prompt_format must be one of free_think'),
    ({'prompt_format': ['free_think']}, 'prompt_format'),
    ({'eval_set': 'all'}, 'eval_set'),
    ({'render_mode': 'text'}, 'render_mode must be vision'),
    ({'max_actions_per_step': 0}, 'max_actions_per_step'),
    ({'use_state_reward': True}, 'use_state_reward must be false'),
    ({'traj_success_reward': float('nan')}, 'traj_success_reward'),
    ({'traj_success_reward': float('inf')}, 'traj_success_reward'),
    ({'effective_reward_weight': 1e300}, 'effective_reward_weight'),
    ({'yaw_tolerance': -1}, 'yaw_tolerance'),
    ({'yaw_tolerance': '30'}, 'yaw_tolerance'),
    ({'image_placeholder': ''}, 'image_placeholder'),
    ({'image_placeholder': 'the'}, 'image_placeholder'),
    ({'special_token_list': 'abc'}, 'special_token_list'),
    ({'special_token_list': [1]}, 'special_token_list'),
    ({'seed': None}, 'seed'),
    ({'data_path': ''}, 'data_path'),
    ('text', 'env_config must be an object'),
    (None, 'env_config must be an object'),
])
def test_a_configuration_that_cannot_be_used_is_named(payload, said):
    with pytest.raises(ConfigError, match=said.replace('(', r'\(')):
        EnvConfig.from_dict(payload)


@pytest.mark.parametrize('resolution, size', [
    (1080, (1920, 1080)), (720, (1280, 720)), (100, (176, 100)), (9, (16, 9))])
def test_a_resolution_is_the_height_of_a_view(resolution, size):
    assert EnvConfig(resolution=resolution).size == size


def test_a_placeholder_that_the_prompts_use_is_refused():
    config = EnvConfig(image_placeholder='. Present direction:')
    with pytest.raises(ConfigError, match='image_placeholder'):
        Environment(config, PROFILES['strict'], pack_for('free_think'), Views())


def test_a_pack_of_another_format_is_refused():
    with pytest.raises(ConfigError, match='asks for grounding'):
        Environment(EnvConfig(), PROFILES['strict'], pack_for('grounding'), Views())


def test_the_newest_pngs_are_kept_within_their_bound(episodes):
    views = Views(png_bytes=40_000)
    spec = EnvConfig(resolution=90).view
    start = episodes[0].start
    assert views.png(episodes[0].panorama, start, spec) is views.png(
        episodes[0].panorama, start, spec)
    for yaw in range(40):
        views.png(episodes[0].panorama, start.turned(yaw, 0), spec)
        held = sum(len(png) for png in views._pngs.values())
        assert held == views._held <= 40_000
    assert 0 < len(views._pngs) < 40
