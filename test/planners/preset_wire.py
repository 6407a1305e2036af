# SPDX-License-Identifier: Apache-2.0
"""
What a preset really sends: its first and its sixth request, caught on the wire and made small.

`python test/planners/preset_wire.py` writes the expectations in test/planners/presets anew.
"""

from __future__ import annotations

import base64
from functools import lru_cache
import json
import os
from pathlib import Path
import tempfile

import numpy as np
from scripted_server import ChatServer, completion
import simplejpeg
import yaml

from hvs_ros.core.profile import get_profile
from hvs_ros.core.prompts import load_prompts
from hvs_ros.core.renderer import encode_jpeg
from hvs_ros.core.search import SearchSession, Task
from hvs_ros.core.share import share_path
from hvs_ros.core.view import View
from hvs_ros.planners.registry import PlannerContext, make_planner

EXPECTED = Path(__file__).with_name('presets')
TASK = Task('hos/room/0/0', 'object', 'Find the red ball')
SHOWN = (1, 6)
KEY = 'key-of-the-test'
COLOURS = [(30 * k + 20, 128, 220 - 30 * k) for k in range(max(SHOWN))]
ANSWERS = {
    'free_think': '<think>t{k}</think><answer>rotate({k},0)</answer>',
    'no_think': '<answer>rotate({k},0)</answer>',
    'grounding': '<think><observation>o{k}</observation><reasoning>r</reasoning></think>'
                 '<answer>rotate({k},0)</answer>'}


def names():
    """Return the names of the shipped presets of models that are asked over the wire."""
    return sorted(name for name in shipped() if settings(name)['planner'].startswith('openai:'))


def shipped():
    """Return the names of all shipped planner files."""
    return [path.stem for path in share_path('config/planners').glob('*.yaml')]


def settings(name):
    """Return the preset as its file has it."""
    return yaml.safe_load((share_path('config/planners') / f'{name}.yaml').read_text())


def make_views():
    """Return six views of 1920x1080, each of one colour that no other has."""
    return [encode_jpeg(np.full((1080, 1920, 3), COLOURS[k], np.uint8)) for k in range(max(SHOWN))]


def conversation(name, server, views, changes=None):
    """Return the requests of a search with the preset, a turn a view, asked of ``server``."""
    preset = settings(name)
    model = preset['planner'].removeprefix('openai:').rpartition('@')[0]
    prompts = load_prompts((changes or {}).get('prompts', preset['prompts']))
    answer = ANSWERS[prompts.answer_format]
    server.script = [(200, completion(answer.format(k=k))) for k in range(len(views))]
    key_from = preset.get('key_from', 'OPENAI_API_KEY')
    os.environ[key_from] = KEY
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / 'planner.yaml'
        file.write_text(yaml.safe_dump(
            {**preset, **(changes or {}), 'planner': f'openai:{model}@{server.url}'}))
        planner = make_planner(str(file), context=PlannerContext())
    session = SearchSession(TASK, get_profile('published-2026'), planner.answer_format)
    search = planner.begin(TASK)
    try:
        for view in views:
            height, width = simplejpeg.decode_jpeg_header(view)[:2]
            seen = session.observe(View(view, session.goal.to_gaze(), width, height, 1.745))
            session.decide(search.act(seen))
    finally:
        search.close()
        del os.environ[key_from]
    return server.requests


def summary(name, requests, views):
    """Return what is compared: everything on the wire, the images and the system text as names."""
    preset = settings(name)
    spec, _, url = preset['planner'].rpartition('@')
    prompts = load_prompts(preset['prompts'])
    return {
        'url': url, 'key_from': preset.get('key_from', 'OPENAI_API_KEY'),
        'model': spec.removeprefix('openai:'), 'answer_format': prompts.answer_format,
        'requests': {str(turn): _request(requests[turn - 1], prompts, views) for turn in SHOWN}}


def _request(request, prompts, views):
    body, headers = request
    assert headers['Authorization'] == f'Bearer {KEY}'
    fields = {key: value for key, value in body.items() if key != 'messages'}
    return {**fields, 'messages': [
        f"{message['role']}: " + ' '.join(
            _part(part, prompts, views) for part in message['content'])
        for message in body['messages']]}


def _part(part, prompts, views):
    if part['type'] == 'text':
        if part['text'] == prompts.system_text(TASK):
            return f'[system text of {prompts.name}]'
        return json.dumps(part['text'])
    kind, _, data = part['image_url']['url'].partition(';base64,')
    content = base64.b64decode(data)
    if content in views:
        return f'[view {views.index(content)} as rendered]'
    height, width = simplejpeg.decode_jpeg_header(content)[:2]
    colour = simplejpeg.decode_jpeg(content, 'BGR', min_height=16, min_width=16).mean((0, 1))
    nearest = min(range(len(views)), key=lambda k: abs(colour - COLOURS[k]).sum())
    return (f'[view {nearest} as {kind.removeprefix("data:")} {width}x{height} '
            f'quality {_quality(_tables(content))}]')


@lru_cache
def _quality(tables):
    """Return the quality whose quantisation tables these are."""
    blank = np.zeros((16, 16, 3), np.uint8)
    return next(quality for quality in range(1, 101)
                if _tables(encode_jpeg(blank, quality)) == tables)


def _tables(content):
    found, at = [], 2
    while content[at + 1] != 0xDA:
        length = int.from_bytes(content[at + 2:at + 4], 'big')
        if content[at + 1] == 0xDB:
            found.append(content[at + 4:at + 2 + length])
        at += 2 + length
    return b''.join(found)


def main():
    """Write every preset's expectation from what it sends now."""
    views = make_views()
    EXPECTED.mkdir(exist_ok=True)
    for name in names():
        server = ChatServer()
        try:
            caught = summary(name, conversation(name, server, views), views)
        finally:
            server.stop()
        (EXPECTED / f'{name}.json').write_text(json.dumps(caught, indent=1) + '\n')


if __name__ == '__main__':
    main()
