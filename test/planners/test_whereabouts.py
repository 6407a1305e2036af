# SPDX-License-Identifier: Apache-2.0
"""No view leaves this machine and its private networks unless somebody allowed it."""

from __future__ import annotations

import socket
from typing import Any

from fault_server import FaultServer
import pytest

from hvs_ros.core.errors import InputError
from hvs_ros.planners.base import ChatMessage, PlannerUnavailable
from hvs_ros.planners.chat_openai import OpenAiChat
from hvs_ros.planners.registry import PlannerContext, make_planner
from hvs_ros.planners.servers import Server
from hvs_ros.planners.whereabouts import is_near, looked_up_near

VIEW = [ChatMessage('user', [b'\xff\xd8jpeg'])]


@pytest.mark.parametrize(('address', 'near'), [
    ('127.0.0.1', True), ('127.8.8.8', True), ('::1', True), ('10.1.2.3', True),
    ('172.16.0.9', True), ('192.168.1.20', True), ('169.254.3.4', True), ('fe80::1%eth0', True),
    ('fd00::5', True), ('::ffff:10.0.0.1', True), ('8.8.8.8', False), ('172.32.0.1', False),
    ('192.169.0.1', False), ('2001:4860:4860::8888', False), ('::ffff:8.8.8.8', False),
    # tunnels, whose other end is anywhere, and what providers share
    ('2001:0:4136:e378:8000:63bf:f7f7:f7f7', False), ('2002:808:808::1', False),
    ('64:ff9b::808:808', False), ('100.64.0.1', False), ('255.255.255.255', False)])
def test_an_address_is_near_or_not(address: str, near: bool) -> None:
    assert is_near(address) is near


@pytest.mark.parametrize('host', ['127.0.0.1%.example.com', '10.0.0.1%2eexample.com'])
def test_a_name_that_begins_like_a_near_address_is_looked_up(
        monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    resolver(monkeypatch, '8.8.8.8')
    assert looked_up_near(host) is False
    with pytest.raises(InputError, match='allow_remote_images'):
        make_planner(f'openai:m@http://{host}/v1')


def resolver(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def look_up(host: str, *_: Any, **__: Any) -> list[Any]:
        if not addresses:
            raise socket.gaierror(-2, 'Name or service not known')
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, '', (entry, 0)) for entry in addresses]
    monkeypatch.setattr(socket, 'getaddrinfo', look_up)


@pytest.mark.parametrize(('addresses', 'near'), [
    (['10.0.0.5'], True), (['10.0.0.5', '8.8.8.8'], False), (['8.8.8.8'], False), ([], None)])
def test_a_name_is_near_when_all_it_stands_for_is(
        monkeypatch: pytest.MonkeyPatch, addresses: list[str], near: bool | None) -> None:
    resolver(monkeypatch, *addresses)
    assert looked_up_near('jetson') is near


@pytest.mark.parametrize('spec', [
    'openai:m@https://8.8.8.8/v1', 'openai:m@http://127.0.0.1:9/v1,https://8.8.8.8/v1'])
def test_a_far_server_is_refused_where_it_is_named(spec: str) -> None:
    with pytest.raises(InputError, match=r'8\.8\.8\.8 is neither.*--allow-remote-images'):
        make_planner(spec)
    planner: Any = make_planner(spec, context=PlannerContext(allow_remote_images=True))
    assert 'What the camera sees leaves this network' in planner.notice
    assert '8.8.8.8' in planner.notice and 'for m' in planner.notice


def test_a_near_server_needs_no_leave_and_no_notice() -> None:
    planner: Any = make_planner('openai:m@http://127.0.0.1:9/v1')
    assert planner.notice == ''


def test_a_name_that_turns_out_to_be_far_gets_no_view(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver(monkeypatch)
    planner: Any = make_planner('openai:m@http://model.example:9/v1')  # not known yet: allowed
    resolver(monkeypatch, '8.8.8.8')
    chat = OpenAiChat(Server('m', 'http://model.example:9/v1'), give_up_after=1.0)
    with pytest.raises(PlannerUnavailable, match='no view was sent'):
        chat.complete(VIEW)
    chat.close()
    assert planner.name


def test_no_redirect_is_followed_with_a_view(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('OPENAI_API_KEY', raising=False)
    elsewhere, server = FaultServer(), FaultServer()
    server.redirect = f'http://127.0.0.1:{elsewhere.port}/v1/chat/completions'
    chat = OpenAiChat(Server('tiny', f'http://127.0.0.1:{server.port}/v1'), give_up_after=0.5)
    try:
        with pytest.raises(PlannerUnavailable, match='HTTP 307'):
            chat.complete(VIEW)
        assert server.requests and not elsewhere.requests
    finally:
        chat.close()
        server.stop()
        elsewhere.stop()


def test_no_proxy_of_the_environment_is_used_on_the_way_to_a_near_server(
        monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, server = FaultServer(), FaultServer()
    for name in ('http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY'):
        monkeypatch.setenv(name, f'http://127.0.0.1:{proxy.port}')
    monkeypatch.setenv('no_proxy', '')
    chat = OpenAiChat(Server('tiny', f'http://127.0.0.1:{server.port}/v1'), give_up_after=2.0)
    try:
        chat.complete(VIEW)
        assert server.requests and not proxy.requests
    finally:
        chat.close()
        server.stop()
        proxy.stop()
