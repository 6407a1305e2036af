# SPDX-License-Identifier: Apache-2.0
"""A chat model behind OpenAI-compatible servers, vLLM's in production."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
import time
from typing import Any

import openai

from hvs_ros.core.errors import InputError
from hvs_ros.planners.abortable import AbortableLoop
from hvs_ros.planners.answer_form import PATTERNS, keeps_to, request_field
from hvs_ros.planners.api_key import ApiKey
from hvs_ros.planners.asking import Asking, Waits
from hvs_ros.planners.base import (
    ChatMessage,
    ChatOptions,
    ContextOverflow,
    PlannerUnavailable,
    Reply,
    request_sha256,
)
from hvs_ros.planners.openai_errors import (
    FilteredError,
    LateError,
    PassingError,
    RefusedError,
    TooLongError,
    one_line,
    within,
)
from hvs_ros.planners.openai_probe import find_structured_field, is_up, vllm_version
from hvs_ros.planners.openai_wire import (
    Answer,
    ask_streamed,
    ask_whole,
    make_http,
    wire_message,
)
from hvs_ros.planners.registry import PlannerContext
from hvs_ros.planners.servers import Server, ServerPool, ServerState
from hvs_ros.planners.whereabouts import literal_near, looked_up_near

CONNECT_S = 5.0
BACK_OFF_S = (0.2, 5.0)
"""Pauses between requests that failed: the first, doubled each time, and the longest."""
STREAM_FIELDS = {'stream_options': {'include_usage': True}}
# vLLM tells the usage all along, so that it is known where an early stop hangs up
CONTINUOUS = {'stream_options': {'include_usage': True, 'continuous_usage_stats': True}}


class OpenAiChat:
    """
    Complete the dialogues of one search over HTTP, within one deadline per call.

    Whatever passes (no connection, 408, 409, 429, 5xx, no reply in time, none that is JSON) is
    tried again after a pause, or at another server at once, until ``give_up_after`` seconds have
    passed. What the model answered is returned whatever it is: empty, cut by the token limit,
    refused. ``close`` may be called from any thread and really closes the request in flight;
    ``trouble`` may be read from any: which server does not answer at present, and why.
    """

    def __init__(
            self, servers: ServerPool | Server, options: ChatOptions | None = None,
            give_up_after: float = 10.0, *, asking: Asking | None = None,
            waits: Waits | None = None, answer_format: str = 'free_think',
            allow_remote_images: bool = False, key_from: str = 'OPENAI_API_KEY') -> None:
        self.servers = ServerPool([servers]) if isinstance(servers, Server) else servers
        self.name = self.servers.model
        self.options = ChatOptions() if options is None else options
        self.trouble = ''
        self._asking, self._waits = asking or Asking(), waits or Waits()
        self._pattern = PATTERNS[answer_format]
        self._allow_remote, self._give_up_after = allow_remote_images, give_up_after
        self._key = ApiKey.of_environment(key_from)
        self._http = make_http(allow_remote_images, self._waits.connect or CONNECT_S)
        self.work = AbortableLoop(self._http.aclose)
        self._loop = self.work.loop
        self._clients: dict[Server, openai.AsyncOpenAI] = {}
        self._current: ServerState | None = None

    def complete(self, messages: Sequence[ChatMessage]) -> Reply:
        """Return the model's reply; raise ``PlannerUnavailable`` when it never answered."""
        return self.work.run(self._until_answered(messages))

    def close(self) -> None:
        """Abort the call in flight and close the connections; later calls are refused."""
        self.work.close()

    async def check(self, state: ServerState, limit_s: float) -> list[tuple[str, str, str]]:
        """Return what a look at one server finds; no view is sent."""
        from hvs_ros.planners.openai_checkup import check_server
        found = await check_server(
            self._client(state.server), self._http, self.name, state, limit_s)
        return [(level, name, self._key.hidden(text)) for level, name, text in found]

    async def _until_answered(self, messages: Sequence[ChatMessage]) -> Reply:
        """Ask until there is a reply, or none is to be had, or the time is up."""
        deadline = self._loop.time() + self._give_up_after
        refused: dict[int, str] = {}
        pause, attempts, last = BACK_OFF_S[0], 0, ''
        wire = [wire_message(message) for message in messages]
        while True:
            self._current = state = self.servers.pick(
                self._current, [self.servers.states[index] for index in refused])
            left = deadline - self._loop.time()
            attempts += 1
            try:
                answer = await within(self._ask(state, wire, left), left, self._too_late(''))
                self.servers.note_well(state)
                self.trouble = ''
                return self._reply(answer, state, messages, attempts)
            except TooLongError as error:
                self.servers.note_well(state)
                raise ContextOverflow(
                    f'context_overflow: {self._sentence(state, str(error))}') from None
            except RefusedError as error:
                last = self._key.hidden(str(error))
                refused[self.servers.states.index(state)] = last
                self.servers.note_failure(state, last)
                if len(refused) == len(self.servers.states):
                    raise PlannerUnavailable(self._sentence(state, last)) from None
                continue
            except PassingError as error:
                known = last and isinstance(error, LateError)
                last = last if known else self._key.hidden(str(error))
                self.servers.note_failure(state, last, error.retry_after)
            if not self.servers.other_well(state):
                self.trouble = self._sentence(state, last)
                pause = await self._rest(state, pause, deadline, last)
            if self._loop.time() >= deadline:
                raise PlannerUnavailable(self._sentence(state, self._too_late(last)))

    def _too_late(self, last: str) -> str:
        sentence = f'no answer within {self._give_up_after:g} s'
        return f'{sentence} ({last})' if last and last != sentence else sentence

    async def _rest(
            self, state: ServerState, pause: float, deadline: float, last: str) -> float:
        """Pause before asking again; return the next pause."""
        left = deadline - self._loop.time()
        wished = min(each.not_before for each in self.servers.states) - time.monotonic()
        if wished > left:
            raise PlannerUnavailable(self._sentence(state, last))
        await asyncio.sleep(max(0.0, min(left, max(pause, wished))))
        return min(2 * pause, BACK_OFF_S[1])

    async def _ask(self, state: ServerState, wire: list[Any], left: float) -> Answer:
        """Ask one server once, and look meanwhile whether others are back."""
        await self._refuse_far(state)
        with self.servers.asking(state), self.servers.looking_beside(state) as others:
            looking: list[asyncio.Future[Any]] = [
                asyncio.ensure_future(self._look_at(other)) for other in others]
            if self._asking.early_stop:
                looking.append(asyncio.ensure_future(vllm_version(self._http, state)))
            try:
                limit = min(left, self._waits.reply or left)
                return await within(
                    self._ask_in_form(state, wire, limit), limit,
                    f'no answer within {limit:.3g} s')
            except FilteredError:
                return Answer('', 'content_filter', self.name)
            finally:
                for task in looking:
                    task.cancel()

    async def _ask_in_form(self, state: ServerState, wire: list[Any], left: float) -> Answer:
        field = ''
        if self._asking.structured_output:
            limit = min(left, self._waits.first_token or left)
            field = await within(
                self._structured_field(state), limit, f'no first words within {limit:.3g} s')
        extra = dict(self.options.extra)
        if field:
            extra |= request_field(field, self._pattern)
        try:
            answer = await self._send(state, wire, extra, left)
        except RefusedError as error:
            if not field or error.status not in (400, 422):
                raise
            state.structured = field = ''
            answer = await self._send(state, wire, dict(self.options.extra), left)
        if field and answer.finish_reason == 'stop' and not keeps_to(self._pattern, answer.text):
            state.structured = ''  # accepted and ignored
        answer.structured = bool(field and state.structured)
        return answer

    async def _send(
            self, state: ServerState, wire: list[Any], extra: dict[str, Any],
            left: float) -> Answer:
        sampling = {name: value for name, value in self.options.parameters().items()
                    if name not in self.options.extra}
        request = {'messages': wire, 'model': self.name, **sampling}
        client = self._client(state.server)
        if not self._asking.stream and not self._asking.early_stop:
            return await ask_whole(client, request, extra)
        early_stop = self._asking.early_stop
        first_token_s = min(left, self._waits.first_token or left)
        usage = CONTINUOUS if early_stop and state.version else STREAM_FIELDS
        if 'stream_options' not in state.refused_fields:
            try:
                return await ask_streamed(
                    client, request, {**usage, **extra}, first_token_s=first_token_s,
                    early_stop=early_stop)
            except RefusedError as error:
                if 'stream_options' not in str(error):
                    raise
                state.refused_fields.add('stream_options')
        return await ask_streamed(
            client, request, extra, first_token_s=first_token_s, early_stop=early_stop)

    async def _structured_field(self, state: ServerState) -> str:
        if state.structured is None:
            state.structured = await find_structured_field(
                self._client(state.server), self._http, self.name, state)
        return state.structured

    async def _look_at(self, state: ServerState) -> None:
        if await is_up(self._http, state):
            self.servers.note_up(state)

    async def _refuse_far(self, state: ServerState) -> None:
        """Raise unless the server is near or views may leave for it."""
        if self._allow_remote or state.local:
            return
        host = state.server.host
        near = literal_near(host)
        if near is None:
            near = await self._loop.run_in_executor(None, looked_up_near, host)
        if near is None:
            raise PassingError(f'the name {host} is not known')
        if not near:
            raise RefusedError(
                f'{host} is neither this machine nor on a private network, and '
                'allow_remote_images is not set: no view was sent')
        state.local = True

    def _client(self, server: Server) -> openai.AsyncOpenAI:
        if server not in self._clients:
            self._clients[server] = openai.AsyncOpenAI(
                base_url=server.url, api_key=self._key.value, max_retries=0,
                http_client=self._http)
        return self._clients[server]

    def _reply(
            self, answer: Answer, state: ServerState, messages: Sequence[ChatMessage],
            attempts: int) -> Reply:
        parameters = self.options.parameters()
        used = []
        if answer.structured:
            parameters |= {'structured_output': self._pattern}
            used.append('structured output')
        if answer.stopped_early:
            used.append('early stop')
        return Reply(
            self._key.hidden(answer.text), model=self._key.hidden(one_line(answer.model)),
            finish_reason=self._key.hidden(one_line(answer.finish_reason)),
            prompt_tokens=answer.prompt_tokens, completion_tokens=answer.completion_tokens,
            cached_tokens=answer.cached_tokens,
            request_sha256=request_sha256(self.name, messages, parameters),
            server=state.server.url, first_token_s=answer.first_token_s, attempts=attempts,
            shortcut=', '.join(used))

    def _sentence(self, state: ServerState, why: str) -> str:
        return self._key.hidden(f'{state.server} did not answer: {why}')



class OpenAiConnector:
    """
    Connect searches to the servers that ``MODEL@URL[,URL]`` names, which all of them share.

    Raise ``InputError`` for a server beyond this machine and private networks unless views may
    leave for it; ``notice`` is the sentence that must be read where they may.
    """

    def __init__(self, spec: str, context: PlannerContext, answer_format: str) -> None:
        self.servers = ServerPool.of_spec(spec)
        self._context, self._answer_format = context, answer_format
        ApiKey.of_environment(context.key_from)  # one that cannot be sent is refused here
        far = [state.server for state in self.servers.states
               if looked_up_near(state.server.host) is False]
        if far and not context.allow_remote_images:
            raise InputError(
                f'planner openai:{far[0]}: {far[0].host} is neither this machine nor on a '
                'private network; set allow_remote_images (--allow-remote-images) if it may have '
                'the views')
        hosts = ', '.join(dict.fromkeys(server.host for server in far))
        self.notice = (far and (
            f'What the camera sees leaves this network: every view of a search is sent to {hosts} '
            f'for {self.servers.model}.')) or ''

    def __call__(self) -> OpenAiChat:
        """Return the chat model of one search."""
        context = self._context
        return OpenAiChat(
            self.servers, context.chat, context.give_up_after, asking=context.asking,
            waits=context.waits, answer_format=self._answer_format,
            allow_remote_images=context.allow_remote_images, key_from=context.key_from)

    def describe(self) -> dict[str, str]:
        """Return how each server is, for diagnostics."""
        return self.servers.describe()

    def check_up(self) -> list[tuple[str, str, str]]:
        """Return (level, name, text) of what a look at each server has found."""
        from hvs_ros.planners.openai_checkup import look_at
        chat = self()
        try:
            return look_at(self.servers.states, chat, self._context.give_up_after)
        finally:
            chat.close()
