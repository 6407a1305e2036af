# SPDX-License-Identifier: Apache-2.0
"""Each preset's first and sixth request as they stand on the wire."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from pathlib import Path
import re

import cv2
import preset_wire
import pytest
import simplejpeg

from hvs_ros.core.renderer import encode_jpeg

PARITY = Path(__file__).resolve().parents[3] / 'shared/parity'
NEUTRAL = """
name: neutral
answer_format: free_think
system: {object: SYSTEM, path: SYSTEM}
first_turn: "before {turns_left}\\n{image}\\nafter {turns_left} "
next_turn: "before {turns_left}\\n{image}\\nafter {turns_left} "
invalid_turn: "{image}"
invalid_turn_told: "{image}"
example: EXAMPLE
"""


@pytest.fixture(scope='module')
def views():
    return preset_wire.make_views()


@pytest.mark.parametrize('name', preset_wire.names())
def test_a_preset_sends_what_it_is_expected_to(name, chat_server, views):
    expected = json.loads((preset_wire.EXPECTED / f'{name}.json').read_text())
    requests = preset_wire.conversation(name, chat_server, views)
    assert preset_wire.summary(name, requests, views) == expected


def test_every_expectation_belongs_to_a_preset():
    assert sorted(path.stem for path in preset_wire.EXPECTED.glob('*.json')) == (
        preset_wire.names())


@pytest.mark.parametrize('name', preset_wire.names())
def test_a_presets_file_says_where_its_model_is_served(name):
    preset = preset_wire.settings(name)
    text = (preset_wire.share_path('config/planners') / f'{name}.yaml').read_text()
    url = preset['planner'].rpartition('@')[2]
    if 'key_from' in preset:
        assert url.startswith('https://')
        assert {'allow_remote_images', preset['key_from']} <= set(re.findall(r'\w+', text))
    else:
        assert url == 'http://127.0.0.1:8000/v1'
        served = Path(preset_wire.__file__).resolve().parents[2] / 'docs/serving.md'
        assert 'docs/serving.md' in text
        assert preset['planner'].removeprefix('openai:').rpartition('@')[0] in served.read_text()


def test_requests_equal_the_published_clients_field_by_field(chat_server, tmp_path):
    if not (PARITY / 'requests.json').is_file():
        pytest.skip('../shared/parity/requests.json is not there')
    pack = tmp_path / 'neutral.yaml'
    pack.write_text(NEUTRAL)
    views = [encode_jpeg(cv2.imread(str(PARITY / f'request_views/{k}.png'))) for k in range(7)]
    requests = preset_wire.conversation('hvs-3b', chat_server, views, {'prompts': str(pack)})
    for captured in json.loads((PARITY / 'requests.json').read_text()):
        body = requests[captured['turn'] - 1][0]
        assert body.pop('model') == 'humanoid-vstar/HVS-3B'
        assert [as_captured(message) for message in body.pop('messages')] == [
            without_view(message) for message in captured['messages']]
        assert body == captured['parameters']


def as_captured(message):
    """Return a message as the capture writes it: turns numbered, images by their pixels."""
    return {**message, 'content': [_as_captured(part) for part in message['content']]}


def _as_captured(part):
    if part['type'] == 'text':
        return {**part, 'text': re.sub(
            r'(before|after) (\d+)', lambda m: f'{m[1]} {10 - int(m[2])}', part['text'])}
    kind, _, data = part['image_url']['url'].partition(';base64,')
    pixels = simplejpeg.decode_jpeg(base64.b64decode(data), 'RGB')
    return {**part, 'image_url': {
        'mime': kind, 'decoded_rgb_sha256': hashlib.sha256(pixels.tobytes()).hexdigest()}}


def without_view(message):
    return {**message, 'content': [
        part if part['type'] == 'text' else {**part, 'image_url': {
            key: value for key, value in part['image_url'].items() if key != 'view'}}
        for part in message['content']]}


@pytest.mark.parametrize('view', range(7))
def test_a_views_pixels_are_those_that_pillow_would_have_written(view):
    from PIL import Image
    file = PARITY / f'request_views/{view}.png'
    if not file.is_file():
        pytest.skip('../shared/parity/request_views is not there')
    theirs = io.BytesIO()
    Image.open(file).convert('RGB').save(theirs, 'JPEG', quality=85, optimize=True)
    ours = encode_jpeg(cv2.imread(str(file)))
    assert (simplejpeg.decode_jpeg(ours, 'RGB')
            == simplejpeg.decode_jpeg(theirs.getvalue(), 'RGB')).all()
