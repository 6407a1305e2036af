# SPDX-License-Identifier: Apache-2.0
"""Whatever a client sends, the service answers in JSON and never with an error of its own."""

from __future__ import annotations

import http.client
import json
from urllib.parse import quote

from environment_fixtures import write_mixed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
import pytest
from service_client import Client, serving

from hvs_ros.core.actions import ANSWER_FORMATS

pytest.importorskip('starlette')
pytest.importorskip('uvicorn')
REFUSALS = {400, 404, 405, 409, 413, 415, 429}
IDS = ['a', 'b', 'ç/d', '']
KEYS = [
    'data_path', 'resolution', 'prompt_format', 'eval_set', 'seed', 'render_mode',
    'max_actions_per_step', 'traj_success_reward', 'traj_fail_penalty', 'format_reward',
    'effective_reward_weight', 'ineffective_penalty_weight', 'yaw_tolerance', 'pitch_tolerance',
    'max_action_penalty', 'step_tolerance', 'use_state_reward', 'image_placeholder',
    'special_token_list', 'action_sep', 'grounding_reward_weight', 'worldmodeling_reward_weight']

ids = st.one_of(st.sampled_from(IDS), st.text(max_size=5))
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-10**400, 10**400), st.floats(),
    st.text(max_size=12), st.sampled_from([
        'mixed', 'vision', '<image>', 'hstar', '<think>', 9, 90, 0.5, 1e308, -1e308,
        *ANSWER_FORMATS]))
anything = st.recursive(scalars, lambda inner: st.one_of(
    st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)),
    max_leaves=8)
numbers = st.one_of(
    st.integers(-400, 400).map(str), st.integers(-10**320, 10**320).map(str),
    st.floats().map(repr), st.text(max_size=6), st.sampled_from(['+30', '1_0', '３０', '1e999']))
actions = st.builds(
    '{}{}{}({},{}){}'.format, st.sampled_from(['', '<think>a</think>', '\n', '<think>']),
    st.sampled_from(['<answer>', '', '<ANSWER>']),
    st.sampled_from(['rotate', 'submit', 'rotate ', 'zoom', '<image>rotate']), numbers, numbers,
    st.sampled_from(['</answer>', '', '|submit(1,1)</answer>', '</answer></answer>']))
configs = st.fixed_dictionaries({
    'env_name': st.one_of(st.just('hstar'), anything), 'env_config': st.one_of(
        st.dictionaries(st.sampled_from([*KEYS, 'other']), anything, max_size=4),
        st.fixed_dictionaries({'data_path': st.just('mixed')}), anything)},
    optional={'seed': anything})
known = st.sampled_from(['a', 'b', 'ç/d'])
values = {
    'ids2configs': st.one_of(st.dictionaries(ids, configs, min_size=1, max_size=3), anything),
    'ids2seeds': st.one_of(
        st.dictionaries(known, st.one_of(st.none(), st.integers(-10**40, 10**40)), min_size=1),
        st.dictionaries(ids, anything, max_size=3), anything),
    'ids2actions': st.one_of(
        st.dictionaries(known, st.one_of(actions, st.text()), min_size=1),
        st.dictionaries(ids, anything, max_size=3), anything),
    'env_ids': st.one_of(st.lists(known, min_size=1), st.lists(ids, max_size=4), anything),
    'action': st.one_of(actions, actions, anything),
    'seed': st.one_of(st.none(), st.integers(-50, 50), anything)}
members = st.fixed_dictionaries({}, optional=values)
bodies = st.one_of(
    members.map(lambda value: json.dumps(value).encode()),
    anything.map(lambda value: json.dumps(value).encode()), st.binary(max_size=60))
paths = st.one_of(
    st.sampled_from(['/health', '/environments', '/batch/reset', '/batch/step', '/batch/reward',
                     '/batch/system_prompt', '/batch/close']),
    st.builds('/{}/{}'.format, st.sampled_from(
        ['reset', 'step', 'reward', 'system_prompt', 'close', 'batch', 'other']),
        ids.map(lambda name: quote(name, errors='replace'))))


def fitting(method: str, path: str, key: str | None = None) -> st.SearchStrategy:
    """Return requests of a route that have at least their shape."""
    where = st.just(path) if path.startswith('/batch') or path == '/environments' else known.map(
        lambda name: f'{path}/{quote(name)}')
    body = st.just(b'') if key is None else values[key].map(
        lambda value: json.dumps({key: value}).encode())
    return st.tuples(st.just(method), where, body, st.just('application/json'))


requests = st.one_of(
    fitting('POST', '/environments', 'ids2configs'), fitting('POST', '/batch/reset', 'ids2seeds'),
    fitting('POST', '/batch/step', 'ids2actions'), fitting('POST', '/batch/step', 'ids2actions'),
    fitting('POST', '/batch/reward', 'env_ids'), fitting('POST', '/batch/close', 'env_ids'),
    fitting('POST', '/batch/system_prompt', 'env_ids'), fitting('POST', '/reset', 'seed'),
    fitting('POST', '/step', 'action'), fitting('GET', '/reward'), fitting('DELETE', '/close'),
    fitting('GET', '/system_prompt'),
    st.tuples(
        st.sampled_from(['POST'] * 5 + ['GET', 'DELETE', 'PUT', 'HEAD', 'OPTIONS']), paths, bodies,
        st.sampled_from(['application/json'] * 8 + ['text/plain', 'application/json; x=ü'])))


@pytest.fixture(scope='module')
def port(tmp_path_factory):
    root = write_mixed(tmp_path_factory.mktemp('fuzz') / 'mixed')
    with serving(str(root), '--max-resolution', '90') as port:
        yield port


@given(st.lists(requests, min_size=1, max_size=10))
@settings(max_examples=400, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_no_request_makes_the_service_fail(port, asked):
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
    client = Client(port)
    for seed, name in enumerate(('a', 'b', 'ç/d')):
        client.make(name, resolution=9)
        client.reset(name, seed)
    for method, path, body, kind in asked:
        connection.request(method, path, body, {'Content-Type': kind.encode()})
        response = connection.getresponse()
        content = response.read()
        assert response.status == 200 or response.status in REFUSALS, (method, path, body, content)
        if method != 'HEAD':
            answer = json.loads(content, parse_constant=pytest.fail)
            assert ('error' in answer) is (response.status != 200)
    connection.close()


@given(actions)
@settings(max_examples=250, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_of_a_model_is_a_step(port, text):
    client = Client(port)
    client.make('a', resolution=9, effective_reward_weight=1e6, ineffective_penalty_weight=-1e6)
    client.reset('a', 3)
    observation, reward, done, info = client.step('a', text)
    assert isinstance(reward, (int, float))
    assert observation['obs_str'].count('<image>') == (0 if done else 1)
    assert info['metrics']['turn_metrics']['action_is_valid'] in (True, False)
