# SPDX-License-Identifier: Apache-2.0
"""What every planner test is shown."""

from __future__ import annotations

import pytest
from scripted_server import ChatServer

from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.search import Observation, Task
from hvs_ros.core.view import View


@pytest.fixture
def chat_server(monkeypatch):
    monkeypatch.delenv('OPENAI_API_KEY', raising=False)
    server = ChatServer()
    yield server
    server.stop()


@pytest.fixture
def task():
    return Task('hos/room/0/0', 'object', 'Find the red ball')


@pytest.fixture
def first_observation():
    told = BenchmarkAngles(0, 0)
    return Observation(0, View(b'jpeg', told.to_gaze(), 1920, 1080, 1.745), told, None, (), 10)
