# SPDX-License-Identifier: Apache-2.0
"""The searches as gymnasium environments: checked by it, vectorised by it, cut off as it asks."""

from __future__ import annotations

from functools import partial
import json
import subprocess
import sys
import warnings

from environment_fixtures import (
    REPOSITORY,
    SHARED,
    SUITE,
    differences,
    said,
    write_mixed,
    write_scene,
)
import numpy as np
import pytest

gymnasium = pytest.importorskip('gymnasium')
from gymnasium.utils.env_checker import check_env  # noqa: E402
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv  # noqa: E402

from hvs_ros.core.errors import InputError  # noqa: E402
import hvs_ros.environments  # noqa: E402, F401

NAMES = ['hvs/ObjectSearch-v0', 'hvs/PathSearch-v0']


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return str(write_mixed(tmp_path_factory.mktemp('gym') / 'mixed'))


def make(name, root, **more):
    return gymnasium.make(name, episodes=root, resolution=90, **more)


def think(action):
    return f'<think>look</think><answer>{action}</answer>'


def test_the_names_are_known_as_soon_as_the_package_is():
    for modules in ('hvs_ros.environments, gymnasium', 'gymnasium, hvs_ros.environments'):
        code = f'import {modules}; print(*(n for n in gymnasium.registry if n[:3] == "hvs"))'
        done = subprocess.run([sys.executable, '-c', code], cwd=REPOSITORY, text=True,
                              capture_output=True, check=True)
        assert done.stdout.split() == NAMES


def test_the_core_needs_no_gymnasium():
    code = ('import sys; sys.modules["gymnasium"] = None\n'
            'import hvs_ros.environments.environment, hvs_ros.environments.service')
    subprocess.run([sys.executable, '-c', code], cwd=REPOSITORY, check=True)


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('more', [
    {}, {'render_mode': 'rgb_array'}, {'profile': 'strict', 'prompt_format': 'grounding'}])
def test_gymnasium_finds_nothing_to_complain_about(name, more, root):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        check_env(make(name, root, **more).unwrapped)


def test_the_bundled_episodes_are_the_default():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        env = gymnasium.make('hvs/PathSearch-v0')
        observation, info = env.reset(seed=1)
    assert observation['image'].shape == (720, 1280, 3)
    assert info['episode'].startswith('hps/')
    assert 'set off' in info['system_prompt']


@pytest.mark.parametrize('name, kind', [(NAMES[0], 'hos/'), (NAMES[1], 'hps/')])
def test_an_environment_has_its_own_kind_of_search_only(name, kind, root):
    env = make(name, root)
    seen = {env.reset(seed=seed)[1]['episode'] for seed in range(60)}
    assert len(seen) == 8
    assert all(one.startswith(kind) for one in seen)
    assert env.reset(seed=5)[1] == env.reset(seed=5)[1]


def test_an_episode_can_be_asked_for(root):
    env = make(NAMES[0], root)
    for wanted, found in (('hos/flat/0/90', 'hos/flat/0/90'), (0, 'hos/flat/0/0'),
                          (1 + 8, 'hos/flat/0/90')):
        assert env.reset(options={'episode': wanted})[1]['episode'] == found
    with pytest.raises(InputError, match='no episode'):
        env.reset(options={'episode': 'hps/flat/1/0'})


def test_the_turn_limit_truncates_and_a_submit_terminates(root):
    env = make(NAMES[0], root, max_turns=3)
    env.reset(options={'episode': 0})
    ends = [env.step(think('rotate(30,0)'))[2:4] for _ in range(3)]
    assert ends == [(False, False), (False, False), (False, True)]
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(think('rotate(30,0)'))
    env.reset(options={'episode': 0})
    env.step('nothing')
    env.step('nothing')
    observation, reward, terminated, truncated, info = env.step(think('submit(110,0)'))
    assert (reward, terminated, truncated) == (0.5, True, False)
    assert info['task_success'] is True
    assert info['episode'] == 'hos/flat/0/0'
    assert env.observation_space.contains(observation)


def test_turns_left_are_told(root):
    env = make(NAMES[0], root, max_turns=4)
    assert 'Turns left: 4' in env.reset()[0]['text']
    assert 'Turns left: 3' in env.step('x')[0]['text']


def test_the_rendered_picture_is_what_was_observed(root):
    env = make(NAMES[0], root, render_mode='rgb_array')
    env.reset(seed=0)
    observation = env.step(think('rotate(45,10)'))[0]
    assert (env.render() == observation['image']).all()


def texts():
    """Yield every text of the recorded searches that are here."""
    files = [SUITE / f'{name}.jsonl' for name in ('published-2025', 'published-2026', 'strict')]
    if SHARED.is_dir():
        files += (SHARED / 'parity').glob('[te]*.jsonl')
    for file in files:
        for line in file.read_text(encoding='utf-8').splitlines():
            yield from (turn['text'] for turn in json.loads(line)['turns'])


def test_the_action_space_holds_every_text_of_the_recorded_searches(root):
    space = make(NAMES[0], root).action_space
    found = [text for text in texts() if text not in space]
    # the suite of our own also holds texts that no space can: thousands of digits, controls
    shared = {text for text in found if len(text) < 4096 and text.isprintable()}
    assert shared == set()
    assert '' in space
    assert think('rotate(３０,-5°)') in space
    if SHARED.is_dir():
        for file in (SHARED / 'parity').glob('[te]*.jsonl'):
            for line in file.read_text(encoding='utf-8').splitlines():
                assert all(turn['text'] in space for turn in json.loads(line)['turns'])


def test_an_instruction_of_any_script_is_in_the_observation_space(tmp_path):
    item = {'task': '找到出口 🚪', 'yaw': [0, 20], 'pitch': [0, 10], 'level': 0}
    write_scene(tmp_path, 'one', [item])
    env = make(NAMES[0], str(tmp_path), profile='strict')
    observation = env.reset()[0]
    assert '找到出口 🚪' in observation['text']
    for text in ('<answer>rotate(１２,x)</answer>', '<answer>rotate(௵,🜁)</answer>', 'x' * 9000):
        assert env.observation_space.contains(env.step(text)[0])


@pytest.mark.parametrize('vector', [
    SyncVectorEnv, AsyncVectorEnv, partial(AsyncVectorEnv, shared_memory=False),
    partial(AsyncVectorEnv, copy=False)])
def test_it_is_vectorised(vector, root):
    envs = vector([partial(make, NAMES[0], root, max_turns=2)] * 3)
    try:
        observations, infos = envs.reset(seed=[1, 2, 3])
        assert observations['image'].shape == (3, 90, 160, 3)
        assert len(observations['text']) == 3
        single = make(NAMES[0], root, max_turns=2)
        for place, seed in enumerate((1, 2, 3)):
            alone, info = single.reset(seed=seed)
            assert (observations['image'][place] == alone['image']).all()
            assert observations['text'][place] == alone['text']
            assert infos['episode'][place] == info['episode']
        texts = (think('submit(110,0)'), think('rotate(10,0)'), 'nothing')
        _, rewards, terminated, truncated, _ = envs.step(texts)
        assert rewards.tolist() == [0.5, 0, 0]
        assert terminated.tolist() == [True, False, False]
        assert truncated.tolist() == [False, False, False]
        observations, _, terminated, truncated, _ = envs.step(texts)  # the first begins anew
        assert terminated.tolist() == [False, False, False]
        assert truncated.tolist() == [False, True, True]
        assert next(iter(observations['text'])).startswith('Find the')
        observations['text'] = tuple(observations['text'])
        assert envs.observation_space.contains(observations)
    finally:
        envs.close()


def test_gymnasium_makes_vectors_of_it_by_name(root):
    envs = gymnasium.make_vec(
        NAMES[1], 2, vectorization_mode='async', episodes=root, resolution=90)
    try:
        envs.reset(seed=3)
        observations = envs.step((think('rotate(10,0)'), 'nothing'))[0]
        assert ['not a valid action' in text for text in observations['text']] == [False, True]
    finally:
        envs.close()


def test_recorded_searches_agree_here_too(root):
    from environment_fixtures import SUITES, recorded
    path, folder, profile = SUITES[1]
    envs = {(split, form): gymnasium.make(
        name, episodes=str(folder), resolution=9, profile=profile, prompt_format=form)
        for split, name in zip(('hos', 'hps'), NAMES, strict=True)
        for form in ('free_think', 'no_think', 'grounding')}
    turns = 0
    for line, episode in recorded(path, folder):
        env = envs[line.split, line.answer_format].unwrapped
        env.reset(options={'episode': episode.id.rpartition('/')[0] + f'/{line.start_yaw!r}'})
        for number, wanted in enumerate(line.turns, 1):
            _, reward, terminated, truncated, info = env.step(wanted['text'])
            assert differences(wanted, said(reward, terminated, info)) == []
            assert truncated is (number == 10 and not terminated)
            turns += 1
    assert turns == 1380


@pytest.mark.parametrize('more, said', [
    ({'episodes': '/nowhere'}, '/nowhere'),
    ({'colour': 1}, "unknown key 'colour'"),
    ({'profile': 'mine'}, 'unknown profile'),
    ({'max_turns': 0}, 'max_turns'),
    ({'prompt_format': 'x'}, 'prompt_format'),
    ({'prompts': 'nothing'}, "unknown prompt pack 'nothing'"),
])
def test_what_cannot_be_made_is_one_sentence(more, said, root):
    with pytest.raises(InputError, match=said):
        gymnasium.make(NAMES[0], **{'episodes': root, **more})


def test_a_folder_without_such_searches_is_named(tmp_path):
    write_scene(tmp_path, 'one', [{'task': 'x', 'yaw': [1, 2], 'level': 0}])
    with pytest.raises(InputError, match='holds no object searches'):
        gymnasium.make(NAMES[0], episodes=str(tmp_path))
    assert np.isfinite(gymnasium.make(NAMES[1], episodes=str(tmp_path)).reset()[0]['image']).all()
