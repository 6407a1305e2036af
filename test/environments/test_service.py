# SPDX-License-Identifier: Apache-2.0
"""The environment service as its clients see it, over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys

from environment_fixtures import (
    OBJECT_ITEM,
    REPOSITORY,
    SHARED,
    write_mixed,
    write_scene,
)
import pytest
from service_client import Client, picture, serving

from hvs_ros.core.episode import load_episodes

pytest.importorskip('starlette')
pytest.importorskip('uvicorn')


def think(action):
    return f'<think>look</think><answer>{action}</answer>'


@pytest.fixture(scope='module')
def roots(tmp_path_factory):
    folder = tmp_path_factory.mktemp('roots')
    write_mixed(folder / 'mixed')
    write_scene(folder / 'objects', 'one', [OBJECT_ITEM], seed=9)
    return folder


@pytest.fixture(scope='module')
def port(roots) -> Iterator[int]:
    with serving(str(roots / 'mixed'), f'their/set={roots / "objects"}') as port:
        yield port


@pytest.fixture
def client(port):
    return Client(port)


def places(root, seed=42):
    """Return a root's episodes in the harness's order, computed from what episodes know."""
    assert seed == 42
    return sorted(load_episodes(root), key=lambda episode: episode.legacy_seed)


def test_health_says_what_clients_wait_for(client):
    client.make('h', 'mixed')
    status, health = client.call('GET', '/health')
    assert status == 200
    assert health['status'] == 'ok'
    assert health['registered_envs'] == ['hstar']
    assert health['active_services'] == ['hstar']
    assert health['active_environments'] >= 1
    assert isinstance(health['message'], str)


def test_a_batch_goes_through_every_route(client, roots):
    ids = ['a', 'b/with slash', 'ç']
    config = {'env_name': 'hstar', 'env_config': {
        'data_path': str(roots / 'mixed'), 'resolution': 90}, 'split': 'train'}
    assert client.post('/environments', ids2configs=dict.fromkeys(ids, config)) == {
        'success': True}
    results = client.post('/batch/reset', ids2seeds={'a': 0, 'b/with slash': 5, 'ç': None})
    assert list(results) == ['results']
    assert set(results['results']) == set(ids)
    for observation, info in results['results'].values():
        assert info == {}
        assert picture(observation).shape == (90, 160, 3)
        assert observation['obs_str'].count('<image>') == 1
    prompts = client.post('/batch/system_prompt', env_ids=ids)['system_prompts']
    assert set(prompts) == set(ids)
    assert client.post('/batch/reward', env_ids=ids) == {'rewards': dict.fromkeys(ids, 0.0)}
    stepped = client.post('/batch/step', ids2actions={
        'a': think('rotate(30,0)'), 'b/with slash': 'nonsense', 'ç': think('submit(1,1)')})
    for name, done in (('a', False), ('b/with slash', False), ('ç', True)):
        observation, reward, finished, info = stepped['results'][name]
        assert (finished, info['done'], info['env_step']) == (done, done, 1)
        assert observation['obs_str'].count('<image>') == (0 if done else 1)
        assert picture(observation).shape == (90, 160, 3)
        assert reward in (0, 0.5)
    assert client.post('/batch/close', env_ids=ids) == {'status': 'success'}
    assert client.call('POST', '/batch/reset', {'ids2seeds': {'a': 0}})[0] == 404


def test_the_single_forms_say_the_same(client, roots):
    client.make('one', 'their/set', traj_success_reward=3)
    reset = client.call('POST', '/reset/one', {'seed': 2})
    assert reset[0] == 200
    assert set(reset[1]) == {'observation', 'info'}
    assert reset[1]['observation'] == client.reset('one', 2)
    status, answer = client.call('POST', '/step/one', {'action': think('submit(110,0)')})
    assert status == 200
    assert set(answer) == {'observation', 'reward', 'done', 'info'}
    assert (answer['reward'], answer['done']) == (3, True)
    assert answer['info']['task_success'] is True
    assert client.call('GET', '/reward/one') == (200, {'reward': 0.0})
    status, answer = client.call('GET', '/system_prompt/one')
    assert status == 200
    assert 'requested object' in answer['system_prompt']
    assert client.call('DELETE', '/close/one') == (200, {'status': 'success'})
    assert client.call('GET', '/reward/one')[0] == 404


def test_seeds_mean_the_harness_order_modulo_their_number(client, roots):
    name = client.make('seeds', 'mixed')
    ordered = places(roots / 'mixed')
    for seed in range(len(ordered)):
        observation = client.reset(name, seed)
        assert ordered[seed].instruction in observation['obs_str']
        assert f'yaw {ordered[seed].start.yaw}, pitch 0' in observation['obs_str']
    fifth = client.reset(name, 5)
    for same in (5 + 16, 5 - 16, 5 + 16 * 10**30):
        assert client.reset(name, same) == fifth
    assert client.reset(name, None) == client.reset(name, 0)
    for body in (None, {}, {'seed': None}):
        assert client.call('POST', '/reset/seeds', body)[1]['observation'] == client.reset(name)


@pytest.mark.skipif(not SHARED.is_dir(), reason='the shared benchmark data is not here')
@pytest.mark.parametrize('split', ['hos', 'hps'])
def test_the_order_is_that_of_the_published_harness(split):
    import json
    wanted = json.loads((SHARED / 'parity' / 'order.json').read_text())[split]
    root = SHARED / 'panoramas' / split
    with serving(str(root)) as port:
        client = Client(port)
        client.make('x', resolution=9)
        for seed, (_scene, task, start, level) in enumerate(wanted):
            observation = client.reset('x', seed)
            assert task in observation['obs_str']
            assert f'yaw {start}, pitch 0' in observation['obs_str']
            info = client.step('x', 'nothing')[3]
            assert (info['level'], info['instruction']) == (level, task)


def test_another_shuffle_seed_is_another_order(client):
    orders = []
    for seed in (42, 7, 42):
        client.make('other', 'mixed', seed=seed)
        orders.append([client.reset('other', place)['obs_str'] for place in range(16)])
    assert orders[0] == orders[2] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])


def test_ids_are_used_again_for_object_and_path_searches(client, roots):
    name = client.make('again', 'mixed')
    for place in (3, 0, 11, 7, 0, 15):
        episode = places(roots / 'mixed')[place]
        first = client.reset(name, place)
        prompt = client.call('GET', f'/system_prompt/{name}')[1]['system_prompt']
        assert ('set off' in prompt) is (episode.target.kind == 'path')
        goal = episode.target.centre
        observation, reward, done, info = client.step(
            name, think(f'submit({int(goal.yaw)},{int(goal.pitch)})'))
        assert (reward, done, info['task_success']) == (0.5, True, True)
        # an answer moves nothing: the same view is shown
        assert (picture(observation) == picture(first)).all()


def test_configurations_that_differ_get_their_own_environments(client):
    client.make('small', 'mixed', resolution=36, traj_fail_penalty=-1)
    client.make('large', 'mixed', resolution=72, prompt_format='no_think')
    client.make('else', 'their/set', image_placeholder='<|view|>')
    assert picture(client.reset('small')).shape == (36, 64, 3)
    assert picture(client.reset('large')).shape == (72, 128, 3)
    assert picture(client.reset('else'), '<|view|>').shape == (90, 160, 3)
    assert client.step('small', think('submit(200,0)'))[1] == -1
    assert client.step('large', think('submit(200,0)'))[2] is False
    assert client.step('large', '<answer>submit(200,0)</answer>')[1] == 0
    # made again under the same id, an environment is a new one
    client.make('small', 'mixed', resolution=72)
    assert client.call('POST', '/step/small', {'action': 'x'})[0] == 409
    assert picture(client.reset('small')).shape == (72, 128, 3)


def test_a_step_after_the_answer_is_refused_and_changes_nothing(client):
    client.make('done', 'mixed')
    client.make('open', 'mixed')
    client.reset('done')
    client.reset('open')
    client.step('done', think('submit(1,1)'))
    status, answer = client.call('POST', '/batch/step', {'ids2actions': {
        'open': think('rotate(1,0)'), 'done': think('rotate(1,0)')}})
    assert status == 409
    assert 'done: the search has ended' in answer['error']
    assert client.call('POST', '/step/done', {'action': think('submit(1,1)')})[0] == 409
    # the other environment of the refused request has not been stepped either
    assert client.step('open', think('rotate(1,0)'))[3]['env_step'] == 1


def test_before_its_first_reset_an_environment_can_do_nothing(client):
    client.make('fresh', 'mixed')
    assert client.call('POST', '/step/fresh', {'action': 'x'})[0] == 409
    assert client.call('GET', '/system_prompt/fresh')[0] == 409
    assert client.call('GET', '/reward/fresh') == (200, {'reward': 0.0})


@pytest.mark.parametrize('method, path, payload, status, said', [
    ('POST', '/environments', {}, 400, 'missing key: ids2configs'),
    ('POST', '/batch/reset', {'seeds': {}}, 400, 'missing key: ids2seeds'),
    ('POST', '/batch/step', {}, 400, 'missing key: ids2actions'),
    ('POST', '/batch/reward', {}, 400, 'missing key: env_ids'),
    ('POST', '/batch/system_prompt', {}, 400, 'missing key: env_ids'),
    ('POST', '/batch/close', {}, 400, 'missing key: env_ids'),
    ('POST', '/step/known', {}, 400, 'missing key: action'),
    ('POST', '/batch/step', None, 400, 'missing key: ids2actions'),
    ('POST', '/batch/step', [], 400, 'the body must be an object'),
    ('POST', '/batch/reset', {'ids2seeds': {'nobody': 0}}, 404, '"nobody"'),
    ('POST', '/batch/step', {'ids2actions': {'nobody': 'x'}}, 404, '"nobody"'),
    ('POST', '/batch/reward', {'env_ids': ['nobody']}, 404, '"nobody"'),
    ('POST', '/batch/close', {'env_ids': ['known', 'nobody']}, 404, '"nobody"'),
    ('POST', '/reset/nobody', {'seed': 0}, 404, '"nobody"'),
    ('POST', '/step/nobody', {'action': 'x'}, 404, '"nobody"'),
    ('GET', '/reward/nobody', None, 404, '"nobody"'),
    ('GET', '/system_prompt/nobody', None, 404, '"nobody"'),
    ('DELETE', '/close/nobody', None, 404, '"nobody"'),
    ('POST', '/batch/reset', {'ids2seeds': {'known': 1.5}}, 400, 'a seed must be a whole'),
    ('POST', '/batch/reset', {'ids2seeds': {'known': True}}, 400, 'a seed must be a whole'),
    ('POST', '/batch/reset', {'ids2seeds': ['known']}, 400, 'ids2seeds must be an object'),
    ('POST', '/batch/step', {'ids2actions': {'known': None}}, 400, "must be the model's text"),
    ('POST', '/batch/reward', {'env_ids': [1]}, 400, 'must be a list of ids'),
    ('POST', '/batch/reward', {'env_ids': None}, 400, 'must be a list of ids'),
    ('POST', '/environments', {'ids2configs': {'x': {}}}, 400, 'env_name must be hstar'),
    ('POST', '/environments', {'ids2configs': {'': {}}}, 400, 'an id has 1 to'),
    ('POST', '/environments', {'ids2configs': {'x' * 300: {}}}, 400, 'an id has 1 to'),
    ('POST', '/environments', {'ids2configs': {'x': 3}}, 400, 'must be an object'),
    ('GET', '/nowhere', None, 404, 'Not Found'),
    ('GET', '/environments', None, 405, 'Method Not Allowed'),
])
def test_a_bad_request_is_told_what_is_wrong(client, method, path, payload, status, said):
    client.make('known', 'mixed')
    got, answer = client.call(method, path, payload)
    assert (got, said in answer['error']) == (status, True), answer
    assert client.call('GET', '/reward/known')[0] == 200  # nothing was closed on the way


@pytest.mark.parametrize('config, said', [
    ({'data_path': '/nowhere'}, "'/nowhere' is none of the roots served"),
    ({'data_path': 'mixed/flat'}, 'none of the roots served'),
    ({'data_path': '{root}/..'}, 'none of the roots served'),
    ({'data_path': 'x\0y'}, 'none of the roots served'),
    ({}, 'an empty data_path is none of the roots served'),
    ({'data_path': 'mixed', 'colour': 1}, "unknown key 'colour'"),
    ({'data_path': 'mixed', 'resolution': 99999}, 'resolution must be'),
    ({'data_path': 'mixed', 'fov': 90}, "unknown key 'fov'"),
    ({'data_path': 'mixed', 'profile': 'strict'}, "unknown key 'profile'"),
    ({'data_path': 'mixed', 'image_placeholder': 'Present'}, 'image_placeholder'),
])
def test_a_configuration_that_cannot_be_used_is_named_and_makes_nothing(
        client, roots, config, said):
    if 'data_path' in config:
        config = config | {'data_path': config['data_path'].format(root=roots / 'mixed')}
    good = {'env_name': 'hstar', 'env_config': {'data_path': 'mixed'}}
    before = client.call('GET', '/health')[1]['active_environments']
    status, answer = client.call('POST', '/environments', {'ids2configs': {
        'good one': good, 'bad': {'env_name': 'hstar', 'env_config': config}}})
    assert status == 400
    assert 'bad: env_config' in answer['error']
    assert said in answer['error']
    assert client.call('GET', '/health')[1]['active_environments'] == before


def test_a_root_is_known_by_path_by_link_and_by_name(client, roots, tmp_path):
    (tmp_path / 'link').symlink_to(roots / 'objects')
    for path in (str(roots / 'objects'), f'{roots}/mixed/../objects/', str(tmp_path / 'link'),
                 'their/set', 'objects'):
        client.make('x', path)
        assert 'lamp' in client.reset('x')['obs_str']


def test_a_zip_is_a_root_like_any_folder(roots, tmp_path):
    archive = shutil.make_archive(str(tmp_path / 'hos_bench'), 'zip', roots, 'objects')
    with serving(archive, str(roots / 'objects')) as port:
        client = Client(port)
        shown = []
        for name in ('hos_bench.zip', archive, 'objects'):
            client.make('x', name)
            shown.append(client.reset('x', 3))
        assert shown[0] == shown[1] == shown[2]


@pytest.mark.parametrize('body, headers, status', [
    (b'{"ids2seeds": ', {}, 400),
    (b'\xff\xfe\x00', {}, 400),
    (b'[' * 100_000, {}, 400),
    (b'{"ids2seeds": {"x": 1' + b'0' * 5000 + b'}}', {}, 400),
    (b'{"ids2seeds": {"x": NaN}}', {}, 400),
    (b'nonsense', {}, 400),
    (b'{"ids2seeds": {}}', {}, 200),
    (b'{"ids2seeds": {}}', {'Content-Type': 'application/json; charset=utf-8'}, 200),
    (b'{"ids2seeds": {}}', {'Content-Type': 'text/plain'}, 415),
    (b'{"ids2seeds": {}}', {'Content-Type': ''}, 415),
])
def test_a_body_is_json_and_says_so(client, body, headers, status):
    got, answer = client.call('POST', '/batch/reset', body=body, headers=headers)
    assert got == status, answer


def test_a_broken_panorama_is_an_error_and_the_step_is_not_taken(tmp_path):
    root = tmp_path / 'set'
    folder = write_scene(root, 'one', [OBJECT_ITEM])
    with serving(str(root)) as port:
        client = Client(port)
        client.make('a')
        client.make('b')
        picture_file = folder / 'pano_0.png'
        content = picture_file.read_bytes()
        picture_file.write_bytes(b'broken')
        for _ in range(2):
            status, answer = client.call('POST', '/batch/reset', {'ids2seeds': {'a': 0, 'b': 1}})
            assert status == 500
            assert 'pano_0.png' in answer['error']
            assert client.call('POST', '/step/a', {'action': 'x'})[0] == 409
        picture_file.write_bytes(content)
        client.reset('a', 1)
        assert client.step('a', think('rotate(9,0)'))[3]['env_step'] == 1


def test_the_service_is_bounded(tmp_path):
    write_mixed(tmp_path / 'set')
    options = ('--max-environments', '3', '--max-body-mib', '1', '--max-resolution', '180',
               '--max-batch-mpx', '1')
    with serving(str(tmp_path / 'set'), *options) as port:
        client = Client(port)
        for name in ('a', 'b', 'c', 'c'):
            client.make(name)
        config = {'env_name': 'hstar', 'env_config': {}}
        status, answer = client.call('POST', '/environments', {'ids2configs': {'d': config}})
        assert (status, '3 are allowed' in answer['error']) == (429, True)
        config['env_config']['resolution'] = 181
        status, answer = client.call('POST', '/environments', {'ids2configs': {'a': config}})
        assert (status, 'resolution must be' in answer['error']) == (400, True)
        client.post('/batch/close', env_ids=['a'])
        client.make('d', resolution=180)
        client.reset('d')
        large = {'ids2actions': {'d': 'x' * (1 << 20)}}
        assert client.call('POST', '/batch/step', large)[0] == 413
        client = Client(port)  # the service closes the connection of a large body
        assert client.step('d', 'x' * 1_000_000)[3]['env_step'] == 1


def test_too_many_pixels_in_one_request_are_refused(tmp_path):
    write_mixed(tmp_path / 'set')
    with serving(str(tmp_path / 'set'), '--max-batch-mpx', '1') as port:
        client = Client(port)
        for name in ('a', 'b'):
            client.make(name, resolution=720)
        status, answer = client.call('POST', '/batch/reset', {'ids2seeds': {'a': 0, 'b': 0}})
        assert (status, 'ask for fewer' in answer['error']) == (413, True)
        assert picture(client.reset('a')).shape == (720, 1280, 3)


def test_with_a_token_all_but_health_asks_for_it(roots):
    with serving(str(roots / 'objects'), '--token-env', 'SECRET', env={'SECRET': 's3 é'}) as port:
        assert Client(port).call('GET', '/health')[0] == 200
        for token in (None, 'wrong', 's3'):
            client = Client(port, token)
            assert client.call('POST', '/environments', {'ids2configs': {}})[0] == 401
            assert client.call('GET', '/reward/x')[0] == 401
        client = Client(port)
        told = {'Authorization': 'Bearer s3 é'.encode().decode('latin-1')}
        assert client.call(
            'POST', '/environments', {'ids2configs': {}}, headers=told)[0] == 200


@pytest.mark.parametrize('arguments, said', [
    (['--host', '0.0.0.0'], 'needs --token-env'),
    (['--host', '::'], 'needs --token-env'),
    (['--host', 'example.org'], 'needs --token-env'),
    (['--host', '0.0.0.0', '--token-env', 'NOT_SET_ANYWHERE'], 'is not set'),
    (['--profile', 'mine'], 'unknown profile'),
    (['--prompts', 'nothing'], "unknown prompt pack 'nothing'"),
    (['--prompts', 'default', '--prompts', 'config/prompts/default.yaml'], 'are both for'),
    (['--port', '99999999'], 'cannot serve on port'),
    (['--port', '-1'], 'cannot serve on port'),
    (['--workers', '0'], '--workers must be above 0'),
    (['a=/nowhere'], '/nowhere'),
    (['x={objects}', 'x={mixed}'], "the name 'x' is given to"),
])
def test_what_cannot_be_served_is_one_sentence(roots, arguments, said):
    names = {'objects': roots / 'objects', 'mixed': roots / 'mixed'}
    done = subprocess.run(
        [sys.executable, '-m', 'hvs_ros.cli.main', 'serve', '--port', '0', str(roots / 'mixed'),
         *(word.format(**names) for word in arguments)],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_port_in_use_is_one_sentence(roots, port):
    done = subprocess.run(
        [sys.executable, '-m', 'hvs_ros.cli.main', 'serve', '--port', str(port),
         str(roots / 'mixed')], cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert f'port {port}' in done.stderr


def test_many_clients_at_once_get_their_own_answers(port, roots):
    ordered = places(roots / 'mixed')

    def play(number):
        client, name = Client(port), f'many {number}'
        client.make(name, 'mixed', resolution=36)
        for place in range(number, number + 6):
            episode = ordered[place % 16]
            assert episode.instruction in client.reset(name, place)['obs_str']
            for turn in range(1, 4):
                info = client.step(name, think(f'rotate({number},0)'))[3]
                yaw = (episode.start.yaw + number * turn) % 360
                assert f'({yaw},0)' in info['env_feedback']
        client.post('/batch/close', env_ids=[name])
        return number

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(play, range(16))) == list(range(16))


def test_steps_of_one_environment_come_one_after_the_other(port):
    Client(port).make('shared', 'mixed')
    Client(port).reset('shared')

    def step(_):
        return Client(port).step('shared', think('rotate(1,0)'))[3]['env_step']

    with ThreadPoolExecutor(12) as pool:
        assert sorted(pool.map(step, range(12))) == list(range(1, 13))


def test_a_client_that_leaves_in_the_middle_harms_nobody(port, client):
    for sent in (b'POST /batch/reset HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
                 b'Content-Length: 50\r\n\r\n{"ids2s', b'nonsense\r\n\r\n', b'GET /hea'):
        with socket.create_connection(('127.0.0.1', port)) as raw:
            raw.sendall(sent)
    client.make('stays', 'mixed')
    assert picture(client.reset('stays')).shape == (90, 160, 3)


def test_a_signal_ends_the_service_at_once(roots):
    process = subprocess.Popen(
        [sys.executable, '-m', 'hvs_ros.cli.main', 'serve', '--port', '0', str(roots / 'mixed')],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = [process.stdout.readline() for _ in range(2)][1]
    kept = http.client.HTTPConnection('127.0.0.1', int(line.rsplit(':', 1)[1]))
    kept.request('GET', '/health')
    kept.getresponse().read()
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert said == ''
    kept.close()


def test_the_page_names_every_key_and_every_route():
    from dataclasses import fields

    from hvs_ros.environments.config import EnvConfig
    page = (REPOSITORY / 'docs/environments.md').read_text()
    assert [spec.name for spec in fields(EnvConfig) if f'`{spec.name}`' not in page] == []
    for route in ('/health', '/environments', '/batch/reset', '/batch/step', '/batch/reward',
                  '/batch/system_prompt', '/batch/close', '/reset/<id>', '/step/<id>',
                  '/reward/<id>', '/system_prompt/<id>', '/close/<id>'):
        assert f'{route}`' in page
