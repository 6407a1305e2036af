# SPDX-License-Identifier: Apache-2.0
"""Many environments for many trainers: made, reset, stepped and closed by their ids."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
import os
import time
from typing import Any

from hvs_ros.core.errors import HvsError, InputError
from hvs_ros.core.profile import Profile
from hvs_ros.core.prompts import PromptPack
from hvs_ros.environments.config import MAX_RESOLUTION, EnvConfig
from hvs_ros.environments.environment import Environment, OrderError
from hvs_ros.environments.index import EpisodeIndex, EpisodeRoot
from hvs_ros.environments.views import Views
from hvs_ros.environments.wire import RequestError, Shown, brief, ids_to, seed_of, show, text_of

ENV_NAME = 'hstar'


class UnknownIdError(InputError):
    """Name an environment that there is not, or not any more."""


class FullError(HvsError):
    """Say that the service holds as many environments as it may."""


class TooMuchError(HvsError):
    """Say that one request asks for more than one may."""


class BrokenError(HvsError):
    """Say why a step that was in order could not be shown; it has not been taken."""


@dataclass(frozen=True)
class Limits:
    """
    Bound what clients may ask for.

    An environment nobody has used for ``idle_s`` seconds is closed: late, because it holds a few
    kilobytes, and a trainer closes those that were done first only when the last one is.
    ``batch_pixels`` bounds the views of one request together, ``body_bytes`` its size,
    ``resolution`` the height of a view.
    """

    environments: int = 16384
    idle_s: float = 43200.0
    body_bytes: int = 64 << 20
    body_s: float = 60.0
    batch_pixels: int = 1 << 32
    resolution: int = MAX_RESOLUTION
    connections: int = 1024


@dataclass(eq=False)
class _Slot:
    """Hold one environment; the lock is held while it is worked on."""

    id: str
    environment: Environment
    root: EpisodeRoot
    used: float
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class EnvironmentService:
    """
    Keep environments by id, and work on them in a bounded pool of threads.

    Its methods belong to one event loop; rendering and encoding run in ``workers`` threads, first
    come first served. A request is carried out for all its environments or for none.
    """

    def __init__(
            self, index: EpisodeIndex, profile: Profile, packs: Mapping[str, PromptPack], *,
            limits: Limits | None = None, views: Views | None = None, workers: int | None = None,
            max_turns: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = Limits() if limits is None else limits
        self._index = index
        self._profile = profile
        self._packs = packs
        self._views = Views() if views is None else views
        self._pool = ThreadPoolExecutor(workers or os.cpu_count() or 1, 'environments')
        self._max_turns = max_turns
        self._clock = clock
        self._slots: OrderedDict[str, _Slot] = OrderedDict()  # the longest unused first

    def __len__(self) -> int:
        self._expire()
        return len(self._slots)

    def create(self, payload: Any) -> None:
        """Make the environments of ``ids2configs``; one of the same id is replaced."""
        made = {
            name: self._new(name, config)
            for name, config in ids_to(payload, 'ids2configs').items()}
        self._expire()
        count = len(self._slots.keys() | made.keys())
        if count > self.limits.environments:
            raise FullError(
                f'there would be {count} environments, {self.limits.environments} are allowed; '
                'close those that are done')
        for name, slot in made.items():
            self._slots[name] = slot
            self._slots.move_to_end(name)

    async def reset(self, seeds: Mapping[str, Any]) -> dict[str, Shown]:
        """Begin the episodes that the seeds mean and show their first views."""
        checked = {name: seed_of(seed, name) for name, seed in seeds.items()}

        def begin(slot: _Slot) -> Shown:
            config = slot.environment.config
            episode = slot.root.episode(checked[slot.id], config.seed)
            return show(slot.environment.reset(episode), config.image_placeholder, ({},))
        return await self._work(list(checked), begin)

    async def step(self, actions: Mapping[str, Any]) -> dict[str, Shown]:
        """Give the models' texts to the environments and show what came of them."""
        checked = {name: text_of(text, name) for name, text in actions.items()}

        def take(slot: _Slot) -> Shown:
            step = slot.environment.step(checked[slot.id])
            return show(step.observation, slot.environment.config.image_placeholder,
                        (step.reward, step.done, step.info))
        return await self._work(list(checked), take, steps=True)

    def system_prompts(self, names: Sequence[str]) -> dict[str, str]:
        """Return the system prompt of each environment's present episode."""
        slots = self._use(names)
        for slot in slots:
            self._in_order(slot, steps=False)
        return {slot.id: slot.environment.system_prompt() for slot in slots}

    def rewards(self, names: Sequence[str]) -> dict[str, float]:
        """Return the reward beyond that of the steps: there is none."""
        return {slot.id: 0.0 for slot in self._use(names)}

    def close(self, names: Sequence[str]) -> None:
        """Forget the environments."""
        for slot in self._use(names):
            del self._slots[slot.id]

    def stop(self) -> None:
        """Let the threads go; work that has begun is finished first."""
        self._pool.shutdown(cancel_futures=True)

    def _new(self, name: str, payload: Any) -> _Slot:
        if not isinstance(payload, Mapping):
            raise RequestError(f'{name}: a configuration must be an object, not {brief(payload)}')
        if payload.get('env_name') != ENV_NAME:
            raise RequestError(
                f'{name}: env_name must be {ENV_NAME}, not {brief(payload.get("env_name"))}')
        seed_of(payload.get('seed'), name)
        config = EnvConfig.from_dict(
            payload.get('env_config', {}), f'{name}: env_config', self.limits.resolution)
        try:
            root = self._index.resolve(config.data_path)
            environment = Environment(
                config, self._profile, self._packs[config.prompt_format], self._views,
                self._max_turns)
        except InputError as error:
            raise RequestError(f'{name}: env_config: {error}') from error
        return _Slot(name, environment, root, self._clock())

    async def _work(
            self, names: Sequence[str], job: Callable[[_Slot], Shown], *,
            steps: bool = False) -> dict[str, Shown]:
        """Do a job on every environment; when one fails, none has changed."""
        slots = self._use(names)
        async with AsyncExitStack() as locked:
            # In one order for everybody, or two batches could wait for each other.
            for slot in sorted(slots, key=lambda slot: slot.id):
                await locked.enter_async_context(slot.lock)
            if any(self._slots.get(slot.id) is not slot for slot in slots):
                self._use(names)
                raise UnknownIdError('an environment was made anew meanwhile; reset it first')
            if steps:
                for slot in slots:
                    self._in_order(slot, steps=True)
            self._check_pixels(slots)
            saved = [slot.environment.saved() for slot in slots]
            shown = await self._all(slots, job)
            broken = next((one for one in shown if isinstance(one, BaseException)), None)
            if broken is not None:
                for slot, state in zip(slots, saved, strict=True):
                    slot.environment.restore(state)
                name = slots[shown.index(broken)].id
                raise BrokenError(
                    f'{name}: {broken or type(broken).__name__}') from broken
            self._touch(slots)
        return {slot.id: one for slot, one in zip(slots, shown, strict=True)
                if isinstance(one, Shown)}

    async def _all(
            self, slots: Sequence[_Slot], job: Callable[[_Slot], Shown]
            ) -> list[Shown | BaseException]:
        loop = asyncio.get_running_loop()
        return await asyncio.gather(
            *(loop.run_in_executor(self._pool, job, slot) for slot in slots),
            return_exceptions=True)

    def _in_order(self, slot: _Slot, *, steps: bool) -> None:
        try:
            slot.environment.check(steps=steps)
        except OrderError as error:
            raise OrderError(f'{slot.id}: {error}') from error

    def _check_pixels(self, slots: Sequence[_Slot]) -> None:
        pixels = 0
        for slot in slots:
            width, height = slot.environment.config.size
            pixels += width * height
        if pixels > self.limits.batch_pixels:
            raise TooMuchError(
                f'the views of {len(slots)} environments have {pixels} pixels, '
                f'{self.limits.batch_pixels} are allowed in one request; ask for fewer at once')

    def _use(self, names: Sequence[str]) -> list[_Slot]:
        """Return the environments and note that they are in use."""
        self._expire()
        unknown = [name for name in names if name not in self._slots]
        if unknown:
            raise UnknownIdError(
                f'there is no environment {brief(unknown[0])}; it was never made, is closed, or '
                f'has not been used for {self.limits.idle_s:g} s')
        slots = [self._slots[name] for name in names]
        self._touch(slots)
        return slots

    def _touch(self, slots: Sequence[_Slot]) -> None:
        for slot in slots:
            slot.used = self._clock()
            if self._slots.get(slot.id) is slot:
                self._slots.move_to_end(slot.id)

    def _expire(self) -> None:
        """Close what nobody has used for too long."""
        oldest = self._clock() - self.limits.idle_s
        for slot in list(self._slots.values()):
            if slot.used > oldest:
                break
            if not slot.lock.locked():
                del self._slots[slot.id]
