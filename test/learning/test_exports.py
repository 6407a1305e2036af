# SPDX-License-Identifier: Apache-2.0
"""Rows for trainers: the dialogue and the images as they were, no benchmark by mistake."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import fields
import hashlib
import json
from pathlib import Path
import re
import sys

import cv2
import numpy as np
import pytest

from hvs_ros.cli.main import main
from hvs_ros.core.episode import load_episodes
from hvs_ros.core.errors import InputError
from hvs_ros.environments.config import EnvConfig
from hvs_ros.learning.export import LeftOut, SftRow, rl_rows, sft_rows, write_rl, write_sft
from hvs_ros.learning.rl_export import KEYS
from hvs_ros.learning.training_data import why_training_data

sys.path.append(str(Path(__file__).resolve().parents[1] / 'planners'))

from scripted_server import ChatServer, completion

ITEMS = [
    {'task': 'Find the <image> lamp', 'yaw': [100.0, 120.0], 'pitch': [-5.0, 15.0],
     'level': [0, 1, 2, 2]},
    {'task': 'Find the door', 'yaw': [350.0, 20.0], 'pitch': [30.0, 50.0], 'initial yaw': [37.5],
     'level': 1}]
THOUGHT = '<think>hm <image></think>'


def write_dataset(root: Path, items: list[dict] = ITEMS, train: bool = True) -> Path:
    for seed, scene in enumerate(('hall', 'room')):
        folder = root / 'hos' / scene
        folder.mkdir(parents=True)
        (folder / 'annotation.json').write_text(json.dumps(items))
        coarse = np.random.default_rng(seed).integers(0, 255, (8, 16, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / 'pano.png'), cv2.resize(coarse, (256, 128)))
    if train:
        (root / 'hos/dataset.json').write_text('{"split": "train"}')
    return root


@pytest.fixture
def chat_server(monkeypatch) -> Iterator[ChatServer]:
    monkeypatch.delenv('OPENAI_API_KEY', raising=False)
    server = ChatServer()
    yield server
    server.stop()


def teach(server: ChatServer, dataset: Path) -> None:
    """Let the model waste a turn, turn away and submit the target; the last search fails."""
    replies: list[str] = []
    for episode in load_episodes(dataset):
        centre = episode.target.centre
        replies += [
            'no answer at all', f'{THOUGHT}<answer>rotate(30,-10)</answer>',
            f'{THOUGHT}<answer>submit({round(centre.yaw)},{round(centre.pitch)})</answer>']
    replies[-1] = '<think>x</think><answer>submit(180,0)</answer>'
    server.script = [(200, completion(reply)) for reply in replies]


@pytest.fixture
def make_run(tmp_path) -> Callable[..., Path]:
    def make(dataset: Path, *words: str, planner: str = 'sweep', name: str = 'run') -> Path:
        run = tmp_path / name
        assert main(['eval', str(dataset), '--planner', planner, '--out', str(run),
                     '--view', '96x54', *words]) == 0
        return run
    return make


def rows_of(run: Path, **options) -> tuple[list[SftRow], list[LeftOut]]:
    found = list(sft_rows(run, **options))
    return ([each for each in found if isinstance(each, SftRow)],
            [each for each in found if isinstance(each, LeftOut)])


def plain(text: str) -> str:
    return text.replace('<image>', '')


def test_a_row_is_the_dialogue_that_the_model_had(tmp_path, make_run, chat_server):
    dataset = write_dataset(tmp_path / 'data')
    teach(chat_server, dataset)
    run = make_run(dataset, planner=f'openai:m@{chat_server.url}')
    rows, left = rows_of(run)
    assert len(rows) == 9 and left == []
    # the last request of each search shows all of its dialogue but the last answer
    asked = [request[0]['messages'] for request in chat_server.requests[2::3]]
    by_id = {row.id: row for row in rows}
    episodes = load_episodes(dataset)
    for place, (episode, messages) in enumerate(zip(episodes, asked, strict=True)):
        if episode.id not in by_id:
            assert place == len(episodes) - 1
            continue
        row = by_id[episode.id]
        system, *dialogue = messages
        assert row.row['system'] == system['content'][0]['text']
        said = row.row['conversations']
        assert [turn['from'] for turn in said] == ['human', 'gpt'] * 3
        shown = []
        for turn, message in zip(said, dialogue, strict=False):
            parts = [message['content']] if isinstance(message['content'], str) else [
                part.get('text', '') for part in message['content']]
            assert plain(turn['value']) == plain(''.join(parts))
            shown += [part['image_url']['url'] for part in message['content']
                      if isinstance(part, dict) and 'image_url' in part]
        images = [base64.b64decode(url.partition(',')[2]) for url in shown]
        assert [row.images[name] for name in row.row['images']] == images
        assert said[-1]['value'] == f'{THOUGHT.replace("<image>", "")}<answer>submit(' + (
            '110,5)</answer>' if episode.item == 0 else '5,40)</answer>')


def check_folder(out: Path, name: str) -> list[dict]:
    """Hold a written set to what its readers rely on."""
    info = json.loads((out / 'dataset_info.json').read_text())[name]
    assert info['formatting'] == 'sharegpt'
    assert info['columns'] == {
        'messages': 'conversations', 'images': 'images', 'system': 'system'}
    rows = json.loads((out / info['file_name']).read_text())
    for row in rows:
        assert set(row) == {'system', 'images', 'conversations'}
        turns = row['conversations']
        assert [turn['from'] for turn in turns] == ['human', 'gpt'] * (len(turns) // 2)
        texts = [row['system'], *(turn['value'] for turn in turns)]
        assert sum(text.count('<image>') for text in texts) == len(row['images'])
        assert all(turn['value'].count('<image>') == (turn['from'] == 'human') for turn in turns)
        for image in row['images']:
            content = (out / image).read_bytes()
            assert hashlib.sha256(content).hexdigest() == Path(image).stem
    return rows


def test_the_command_writes_what_loaders_read(tmp_path, make_run, chat_server, capsys):
    dataset = write_dataset(tmp_path / 'data')
    teach(chat_server, dataset)
    run, out = make_run(dataset, planner=f'openai:m@{chat_server.url}'), tmp_path / 'sft'
    words = ['export', 'sft', str(run), '--out', str(out)]
    assert main([*words, '--name', 'won']) == 0
    assert len(check_folder(out, 'won')) == 9
    assert main([*words, '--name', 'lost', '--only', 'failure,truncated']) == 0
    assert len(check_folder(out, 'lost')) == 1 and len(check_folder(out, 'won')) == 9
    assert len(json.loads((out / 'won.sources.json').read_text())) == 9
    capsys.readouterr()
    assert main([*words, '--name', 'won']) == 2
    assert 'won.json is there already' in capsys.readouterr().err
    assert main([*words, '--name', 'clean', '--valid-only']) == 1
    assert 'it has an invalid answer' in capsys.readouterr().err
    assert not (out / 'clean.json').exists()


def test_a_resized_picture_is_exported_as_it_was_sent(tmp_path, make_run, chat_server):
    dataset = write_dataset(tmp_path / 'data')
    teach(chat_server, dataset)
    run = make_run(dataset, '--image-size', '48x27', '--image-format', 'png', '--limit', '1',
                   planner=f'openai:m@{chat_server.url}')
    ((row,), left) = rows_of(run)
    url = next(part['image_url']['url']
               for part in chat_server.requests[0][0]['messages'][1]['content']
               if 'image_url' in part)
    assert row.images[row.row['images'][0]] == base64.b64decode(url.partition(',')[2])
    assert row.row['images'][0].endswith('.png') and left == []


@pytest.mark.parametrize('profile', ['published-2025', 'strict'])
def test_searches_of_a_planner_without_prompts_are_worded_by_a_pack(
        tmp_path, make_run, profile):
    run = make_run(write_dataset(tmp_path / 'data'), '--profile', profile, planner='oracle')
    rows, left = rows_of(run, prompts='default')
    assert len(rows) == 10 and left == []
    assert 'Turns left: 10' in rows[0].row['conversations'][0]['value']
    rows, left = rows_of(run, prompts='no_think')
    assert rows == [] and 'the prompt pack asks for no_think' in left[0].reason


def test_a_view_that_differs_is_left_out_and_said(tmp_path, make_run, capsys):
    run = make_run(write_dataset(tmp_path / 'data'), planner='oracle')
    lines = (run / 'episodes.jsonl').read_text().splitlines()
    record = json.loads(lines[0])
    record['turns'][0]['image_sha256'] = '0' * 64
    other = json.loads(lines[1])
    other['turns'][0]['gaze_after'] = [1, 2]
    (run / 'episodes.jsonl').write_text('\n'.join(
        [json.dumps(record), json.dumps(other), *lines[2:]]) + '\n')
    assert main(['export', 'sft', str(run), '--out', str(tmp_path / 'sft')]) == 1
    told = capsys.readouterr().err
    assert f'{record["id"]}, repeat 0: the view of turn 0 does not have the recorded hash' in told
    assert f'{other["id"]}, repeat 0: turn 0 leads to another direction' in told
    assert len(check_folder(tmp_path / 'sft', 'hvs_sft')) == 8


@pytest.mark.parametrize('change', [
    lambda turn: turn.pop('image_sha256'), lambda turn: turn.update(gaze_after=1e308)])
def test_a_line_that_lacks_what_a_row_needs_is_left_out_and_said(tmp_path, make_run, change):
    run = make_run(write_dataset(tmp_path / 'data'), '--limit', '2')
    lines = list(map(json.loads, (run / 'episodes.jsonl').read_text().splitlines()))
    change(lines[0]['turns'][0])
    (run / 'episodes.jsonl').write_text(''.join(json.dumps(line) + '\n' for line in lines))
    told = list(sft_rows(run, only=('success', 'failure', 'truncated'), prompts='default'))
    assert [type(row) for row in told] == [LeftOut, SftRow]
    assert told[0].id == lines[0]['id'] and 'its line is broken' in told[0].reason


def test_a_dataset_that_has_changed_is_refused(tmp_path, make_run):
    dataset = write_dataset(tmp_path / 'data')
    run = make_run(dataset, planner='oracle')
    (dataset / 'hos/hall/annotation.json').write_text(json.dumps(ITEMS[:1]))
    with pytest.raises(InputError, match='is not the dataset of'):
        rows_of(run)


def test_a_dataset_that_has_moved_is_found_where_it_is_said_to_be(tmp_path, make_run):
    dataset = write_dataset(tmp_path / 'data')
    run = make_run(dataset, planner='oracle')
    moved = dataset.rename(tmp_path / 'moved')
    assert len(rows_of(run, episodes=moved)[0]) == 10


def test_other_prompts_than_the_runs_are_refused(tmp_path, make_run, chat_server):
    dataset = write_dataset(tmp_path / 'data')
    teach(chat_server, dataset)
    run = make_run(dataset, '--limit', '1', planner=f'openai:m@{chat_server.url}')
    with pytest.raises(InputError, match='was made with the prompt pack'):
        rows_of(run, prompts='no_think')


def test_an_unknown_outcome_is_refused(tmp_path, make_run):
    run = make_run(write_dataset(tmp_path / 'data'), planner='oracle')
    with pytest.raises(InputError, match="unknown outcome 'won'"):
        rows_of(run, only=('won',))


RATED = [{**item, 'overlap_rate': 0.5} for item in ITEMS]


@pytest.mark.parametrize(('items', 'declared', 'why'), [
    (ITEMS, None, ''), (ITEMS, 'test', ''), (ITEMS, 'train', 'dataset.json says so'),
    (RATED, None, 'every start has an overlap_rate'), ([RATED[0], ITEMS[1]], None, '')])
def test_a_dataset_is_a_benchmark_unless_all_of_it_says_otherwise(
        tmp_path, make_run, capsys, items, declared, why):
    dataset = write_dataset(tmp_path / 'data', items, train=False)
    if declared:
        (dataset / 'hos/dataset.json').write_text(json.dumps({'split': declared}))
    assert why_training_data(load_episodes(dataset)) == why
    assert why_training_data(load_episodes(dataset / 'hos')) == why
    run = make_run(dataset, planner='oracle')
    out = tmp_path / 'sft'
    words = ['export', 'sft', str(run), '--out', str(out)]
    capsys.readouterr()
    assert main(words) == (0 if why else 2)
    assert bool(why) is (out / 'hvs_sft.json').exists() is not (
        'counts as a benchmark' in capsys.readouterr().err)
    assert main([*words, '--allow-benchmark', '--name', 'more']) == 0
    rl = ['export', 'rl', str(dataset), '--out', str(tmp_path / 'x.parquet')]
    assert main(rl) == (0 if why else 2)
    assert main([*rl, '--split', 'test']) == 0


def test_one_folder_of_two_that_is_for_training_does_not_open_the_other(tmp_path):
    root = write_dataset(tmp_path / 'data')
    other = write_dataset(tmp_path / 'other', train=False)
    (other / 'hos').rename(root / 'more')
    for folder in (root / 'more').iterdir():
        folder.rename(folder.with_name(f'x_{folder.name}'))
    assert why_training_data(load_episodes(root)) == ''
    (root / 'more/dataset.json').write_text('{"split": "train"}')
    assert why_training_data(load_episodes(root)) == 'dataset.json says so'


@pytest.mark.parametrize(('content', 'said'), [
    ('{', 'is not JSON'), ('[]', "'split' must be train, val or test, not None"),
    ('{"split": "Train"}', "'split' must be train, val or test, not 'Train'")])
def test_a_declaration_that_cannot_be_read_is_named(tmp_path, content, said):
    dataset = write_dataset(tmp_path / 'data')
    (dataset / 'hos/dataset.json').write_text(content)
    with pytest.raises(InputError, match=f'dataset.json.*{re.escape(said)}'):
        why_training_data(load_episodes(dataset))


def test_drawn_scenes_for_training_say_so_and_are_others_than_those_for_testing(tmp_path):
    for split in ('train', 'test'):
        assert main(['scenes', str(tmp_path / split), '--count', '1', '--size', '256x128',
                     '--seed', '3', '--split', split]) == 0
    assert why_training_data(load_episodes(tmp_path / 'train'))
    assert not why_training_data(load_episodes(tmp_path / 'test'))
    assert main(['episodes', 'overlap', str(tmp_path / 'train'), str(tmp_path / 'test')]) == 0


def test_rl_rows_are_those_of_the_published_trainer(tmp_path):
    dataset = write_dataset(tmp_path / 'data')
    rows = rl_rows(dataset, config={'resolution': 1080, 'prompt_format': 'no_think'})
    assert len(rows) == len(load_episodes(dataset))
    assert [row['extra_info']['seed'] for row in rows] == list(range(10))
    assert rows[3] == {
        'data_source': 'hstar', 'prompt': [{'role': 'user', 'content': ''}],
        'extra_info': {
            'split': 'train', 'env_name': 'hstar', 'seed': 3,
            'env_config': {
                'data_path': str(dataset / 'hos'), 'render_mode': 'vision',
                'prompt_format': 'no_think', 'use_state_reward': False,
                'traj_success_reward': 0.5, 'traj_fail_penalty': 0, 'format_reward': 0.5,
                'resolution': 1080}}}
    assert len(rl_rows(dataset, count=4)) == 4
    told = rl_rows(dataset, data_path='/elsewhere/hos')[0]['extra_info']['env_config']
    assert told['data_path'] == '/elsewhere/hos'


def test_every_folder_of_scenes_has_seeds_of_its_own(tmp_path):
    (tmp_path / 'data').mkdir()
    for name in ('a', 'b'):
        (write_dataset(tmp_path / name) / 'hos').rename(tmp_path / 'data' / name)
    for folder in (tmp_path / 'data/b').iterdir():
        if folder.is_dir():
            folder.rename(folder.with_name(f'x_{folder.name}'))
    rows = rl_rows(tmp_path / 'data', count=3)
    assert [(Path(row['extra_info']['env_config']['data_path']).name,
             row['extra_info']['seed']) for row in rows] == [
                 (name, seed) for name in 'ab' for seed in range(3)]
    with pytest.raises(InputError, match='--data-path names one'):
        rl_rows(tmp_path / 'data', data_path='/x')


def test_the_parquet_reads_back_as_the_rows(tmp_path, capsys):
    parquet = pytest.importorskip('pyarrow.parquet')
    dataset, out = write_dataset(tmp_path / 'data'), tmp_path / 'new/train.parquet'
    assert main(['export', 'rl', str(dataset), '--out', str(out), '--set', 'seed=7',
                 '--set', 'special_token_list=[<think>, </think>]']) == 0
    assert f'10 rows for {dataset / "hos"}: {out}' in capsys.readouterr().out
    table = parquet.read_table(out)
    config = {'seed': 7, 'special_token_list': ['<think>', '</think>']}
    assert table.to_pylist() == rl_rows(dataset, config=config)
    assert str(table.schema.field('extra_info').type.field('seed').type) == 'int64'


@pytest.mark.parametrize(('options', 'said'), [
    ({'split': 'val'}, 'split must be train or test'), ({'count': 0}, 'at least 1, not 0'),
    ({'config': {'fov': 90}}, "'fov' is no key of env_config"),
    ({'config': {'data_path': 'x'}}, "'data_path' is no key"),
    ({'config': {'prompt_format': 'poem'}}, "'prompt_format' must be one of")])
def test_settings_that_the_environment_does_not_have_are_refused(tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        rl_rows(write_dataset(tmp_path / 'data'), **options)


def test_the_environment_takes_the_rows(tmp_path, capsys):
    rows = rl_rows(write_dataset(tmp_path / 'data'))
    assert EnvConfig.from_dict(rows[0]['extra_info']['env_config']).size == (1280, 720)
    assert set(KEYS) == {field.name for field in fields(EnvConfig)}
    assert main(['export', 'rl', str(tmp_path / 'data'), '--out', str(tmp_path / 'x.parquet'),
                 '--set', 'resolution=huge']) == 2
    assert 'resolution must be' in capsys.readouterr().err
    assert not (tmp_path / 'x.parquet').exists()


def test_what_parquet_cannot_hold_is_refused(tmp_path):
    pytest.importorskip('pyarrow')
    rows = rl_rows(write_dataset(tmp_path / 'data'))
    rows[0]['extra_info']['env_config']['resolution'] = 'large'
    with pytest.raises(InputError, match=r'x\.parquet: env_config holds what parquet cannot'):
        write_rl(tmp_path / 'x.parquet', rows)


def test_a_name_that_is_a_path_is_refused(tmp_path):
    with pytest.raises(InputError, match='name must be'):
        write_sft(tmp_path, iter(()), '../x')
