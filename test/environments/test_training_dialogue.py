# SPDX-License-Identifier: Apache-2.0
"""A search as a dialogue for trainers: messages, a turn limit, what is earned, how it ended."""

from __future__ import annotations

from environment_fixtures import OBJECT_ITEM, PATH_ITEM, write_scene
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from hvs_ros.core.errors import HvsError, InputError
from hvs_ros.core.share import share_path
from hvs_ros.environments.training import NO_TURNS_LEFT, open_searches, searches_for
from hvs_ros.environments.trl_tools import SearchTools, search_tools, tool_rows

pytest.importorskip('PIL', reason='Pillow is not installed')
VIEW = {'resolution': 90}


def told(action):
    return f'<think>so</think><answer>{action}</answer>'


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('searches') / 'mixed'
    write_scene(root, 'flat', [OBJECT_ITEM, PATH_ITEM])
    return root


@pytest.fixture(scope='module')
def searches(root):
    return open_searches(root, config=VIEW, max_turns=3)


def test_it_begins_with_the_system_text_and_the_first_view(searches):
    dialogue = searches.dialogue()
    episode = searches.root.episodes[1]
    system, user = dialogue.begin(searches.episode(episode.id))
    assert system['content'] == [{'type': 'text', 'text': searches.system_text(episode)}]
    assert [part['type'] for part in user['content']] == ['text', 'image', 'text']
    assert user['content'][1]['image'] is dialogue.views[0]
    assert dialogue.views[0].size == (160, 90)
    assert user['content'][0]['text'].startswith('Find the lamp')
    assert 'Turns left: 3' in user['content'][2]['text']


def test_a_view_shows_what_the_environment_service_shows(searches):
    dialogue = searches.dialogue()
    episode = searches.root.episodes[0]
    dialogue.begin(episode)
    expected = searches.views.image(episode.panorama, episode.start, searches.config.view)
    assert np.array_equal(np.asarray(dialogue.views[0]), expected[:, :, ::-1])


@pytest.mark.parametrize('answers, status, rewards', [
    (['submit(110,5)'], 'success', [0.5]),
    (['submit(300,5)'], 'failure', [0.0]),
    (['rotate(110,5)', 'submit(110,5)'], 'success', [0.0, 0.5]),
    (['rotate(10,0)', 'what?', 'rotate(5,0)'], 'truncated', [0.0] * 3),
])
def test_how_it_ends_and_what_that_earns(searches, answers, status, rewards):
    dialogue = searches.dialogue()
    dialogue.begin(searches.root.episodes[0])
    for answer in answers:
        assert dialogue.status == 'running'
        parts = dialogue.answer(told(answer))
    assert (dialogue.status, dialogue.rewards) == (status, rewards)
    assert (dialogue.reward, dialogue.success) == (sum(rewards), status == 'success')
    assert [part['type'] for part in parts] == ['text']
    assert status != 'truncated' or parts[0]['text'] == NO_TURNS_LEFT
    with pytest.raises(HvsError, match='ended'):
        dialogue.answer(told('rotate(1,1)'))
    assert dialogue.rewards == rewards


def test_a_dialogue_begins_anew(searches):
    dialogue = searches.dialogue()
    for episode in searches.root.episodes:
        dialogue.begin(episode)
        dialogue.answer(told('submit(110,5)'))
        assert (dialogue.turns, len(dialogue.views)) == (1, 1)


def test_a_cut_dialogue_forgets_the_view_that_found_no_room(searches):
    dialogue = searches.dialogue()
    dialogue.begin(searches.root.episodes[0])
    dialogue.answer(told('rotate(10,0)'))
    dialogue.cut(1)
    assert (dialogue.status, len(dialogue.views), dialogue.reward) == ('cut', 1, 0.0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=40) | st.sampled_from(
    [told('rotate(90,0)'), told('submit(110,5)'), '<image>', '']), max_size=6))
def test_any_text_is_an_answer_and_a_dialogue_never_grows_beyond_its_turns(searches, texts):
    dialogue = searches.dialogue()
    dialogue.begin(searches.root.episodes[0])
    for text in texts:
        if dialogue.status != 'running':
            break
        parts = dialogue.answer(text)
        images = [part for part in parts if part['type'] == 'image']
        assert len(images) == (dialogue.status == 'running')
        assert '<image>' not in ''.join(part.get('text', '') for part in parts)
    assert dialogue.turns <= 3
    assert dialogue.reward in (0.0, 0.5)


def test_the_same_row_means_the_same_searches(root):
    config = {'data_path': str(root), 'resolution': 90}
    assert searches_for(config) is searches_for(dict(config))
    assert searches_for(config) is not searches_for(config | {'resolution': 180})
    assert searches_for(config | {'data_path': 'home'}, roots=(f'home={root}',)).root.path == root


@pytest.mark.parametrize('change, sentence', [
    ({'config': {'colour': 1}}, 'colour'),
    ({'profile': 'strictest'}, 'strictest'),
    ({'max_turns': 0}, 'max_turns'),
    ({'prompts': 'nowhere'}, 'nowhere'),
    ({'prompts': 'no_think', 'config': {'prompt_format': 'free_think'}}, 'prompt'),
])
def test_what_cannot_be_used_is_named(root, change, sentence):
    with pytest.raises(InputError, match=sentence):
        open_searches(root, **change)


def test_an_unknown_episode_is_named(searches):
    with pytest.raises(InputError, match='object/nowhere/0/0'):
        searches.episode('object/nowhere/0/0')


def test_tools_say_what_they_do_in_the_words_of_their_own_pack(root):
    factory = search_tools(root, config=VIEW)
    row = next(tool_rows(factory))
    search = factory()
    assert isinstance(search, SearchTools)
    parts = search.reset(**row)
    assert 'call one function' in row['prompt'][0]['content']
    assert 'answer>' not in row['prompt'][0]['content'] + str(parts)
    assert [part['type'] for part in search.rotate(20, -5)] == ['image', 'text']
    assert search.search.status == 'running'
    assert share_path('config/training/tools.yaml').is_file()
