# SPDX-License-Identifier: Apache-2.0
"""The pool of environments itself: expiry, order, and requests that meet."""

from __future__ import annotations

import asyncio
import threading

from environment_fixtures import write_mixed
import pytest

from hvs_ros.core.errors import InputError
from hvs_ros.core.profile import PROFILES
from hvs_ros.environments.environment import OrderError
from hvs_ros.environments.index import EpisodeIndex, shuffled_places
from hvs_ros.environments.packs import load_packs
from hvs_ros.environments.service import (
    BrokenError,
    EnvironmentService,
    FullError,
    Limits,
    UnknownIdError,
)
from hvs_ros.environments.views import Views


@pytest.fixture(scope='module')
def index(tmp_path_factory):
    return EpisodeIndex([write_mixed(tmp_path_factory.mktemp('pool') / 'mixed')])


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def configs(*names):
    return {'ids2configs': {
        name: {'env_name': 'hstar', 'env_config': {'resolution': 9}} for name in names}}


def make(index, *names, views=None, clock=None, workers=4, **limits):
    service = EnvironmentService(
        index, PROFILES['published-2026'], load_packs(), limits=Limits(**limits), views=views,
        workers=workers, **({'clock': clock} if clock else {}))
    service.create(configs(*names))
    return service


def test_what_nobody_uses_is_closed_and_what_is_used_stays(index):
    clock = Clock()
    service = make(index, 'a', 'b', 'c', clock=clock, idle_s=60)
    clock.now += 50
    asyncio.run(service.reset({'b': 0}))
    service.rewards(['c'])
    clock.now += 20
    assert len(service) == 2
    with pytest.raises(UnknownIdError, match='has not been used for 60 s'):
        service.rewards(['a'])
    clock.now += 61
    assert len(service) == 0


def test_expired_environments_make_room(index):
    clock = Clock()
    service = make(index, 'a', 'b', clock=clock, idle_s=60, environments=2)
    with pytest.raises(FullError):
        service.create(configs('c'))
    clock.now += 61
    service.create(configs('c'))
    assert len(service) == 1


class Slow(Views):
    """Hold every picture back until it is let go, or break."""

    def __init__(self):
        super().__init__()
        self.go = threading.Event()
        self.broken = False
        self.asked = threading.Semaphore(0)

    def png(self, *view):
        self.asked.release()
        assert self.go.wait(20)
        if self.broken:
            raise MemoryError('no room for the picture')
        return super().png(*view)


def test_an_environment_in_use_does_not_expire_under_the_request(index):
    async def run():
        clock, views = Clock(), Slow()
        service = make(index, 'a', clock=clock, views=views, idle_s=60)
        task = asyncio.ensure_future(service.reset({'a': 0}))
        await asyncio.to_thread(views.asked.acquire)
        clock.now += 1000
        assert len(service) == 1
        views.go.set()
        assert set(await task) == {'a'}
        assert len(service) == 1
    asyncio.run(run())


def test_when_one_of_a_batch_breaks_none_has_changed(index):
    async def run():
        views = Slow()
        views.go.set()
        service = make(index, 'a', 'b', views=views)
        await service.reset({'a': 0, 'b': 1})
        views.broken = True
        for _ in range(2):
            with pytest.raises(BrokenError, match='a: no room for the picture'):
                await service.step({'a': '<answer>submit(1,1)</answer>', 'b': 'x'})
        views.broken = False
        shown = await service.step({'a': 'x', 'b': 'x'})
        assert [one.rest[2]['env_step'] for one in shown.values()] == [1, 1]
    asyncio.run(run())


def test_batches_that_name_the_same_environments_in_any_order_all_end(index):
    async def run():
        service = make(index, 'a', 'b', 'c')
        await service.reset({'a': 0, 'b': 0, 'c': 0})
        orders = [('a', 'b', 'c'), ('c', 'b', 'a'), ('b', 'a'), ('a', 'c')] * 5
        shown = await asyncio.wait_for(asyncio.gather(*(
            service.step(dict.fromkeys(order, 'x')) for order in orders)), 30)
        steps = [one['a'].rest[2]['env_step'] for one in shown]
        assert sorted(steps) == list(range(1, len(orders) + 1))
    asyncio.run(run())


def test_a_request_that_waited_for_a_closed_environment_is_told_so(index):
    async def run():
        views = Slow()
        service = make(index, 'a', views=views)
        first = asyncio.ensure_future(service.reset({'a': 0}))
        await asyncio.to_thread(views.asked.acquire)
        waiting = [asyncio.ensure_future(service.reset({'a': 0})) for _ in range(2)]
        await asyncio.sleep(0)
        service.close(['a'])
        views.go.set()
        await first
        for one in waiting:
            with pytest.raises(UnknownIdError):
                await one
    asyncio.run(run())


def test_a_request_that_waited_for_a_remade_environment_does_not_step_the_new_one(index):
    async def run():
        views = Slow()
        service = make(index, 'a', views=views)
        first = asyncio.ensure_future(service.reset({'a': 0}))
        await asyncio.to_thread(views.asked.acquire)
        waiting = asyncio.ensure_future(service.step({'a': 'x'}))
        await asyncio.sleep(0)
        service.create(configs('a'))
        views.go.set()
        await first
        with pytest.raises(UnknownIdError, match='made anew'):
            await waiting
        with pytest.raises(OrderError, match='not been reset'):
            await service.step({'a': 'x'})
    asyncio.run(run())


def test_views_are_made_by_so_many_threads_and_no_more(index):
    class Counting(Views):
        def __init__(self):
            super().__init__()
            self.threads = set()

        def png(self, *view):
            self.threads.add(threading.get_ident())
            return super().png(*view)

    views = Counting()
    service = make(index, *map(str, range(40)), views=views, workers=3)
    asyncio.run(service.reset({str(number): number for number in range(40)}))
    assert threading.get_ident() not in views.threads
    assert 1 <= len(views.threads) <= 3
    assert len(views.panoramas) == 3  # one decoded panorama a scene, whoever asks
    service.stop()


def test_the_index_is_read_once_for_all_its_names(tmp_path):
    root = write_mixed(tmp_path / 'mixed')
    index = EpisodeIndex([root, f'a={root}', f'b={root}/'])
    assert len(index.roots) == 1
    assert index.resolve('a') is index.resolve('b') is index.resolve(str(root))
    assert index.resolve('mixed') is index.resolve('')


def test_a_name_that_two_roots_have_is_nobodys(tmp_path):
    for place in ('one', 'two'):
        write_mixed(tmp_path / place / 'hos')
    index = EpisodeIndex([tmp_path / 'one/hos', tmp_path / 'two/hos'])
    with pytest.raises(InputError, match="'hos' is none of the roots"):
        index.resolve('hos')
    assert index.resolve(str(tmp_path / 'two/hos')).path.parent.name == 'two'


@pytest.mark.parametrize('count', [1, 2, 16, 4000])
def test_every_episode_has_one_place_in_every_order(count):
    for seed in (42, 0, -1, 2**70):
        places = shuffled_places(count, seed)
        assert sorted(places) == list(range(count))
        assert list(places) == list(shuffled_places(count, seed))
