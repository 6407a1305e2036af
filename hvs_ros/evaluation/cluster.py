# SPDX-License-Identifier: Apache-2.0
"""
Workers on the nodes of a Ray cluster: the same searches, the same records, one writer here.

Every node needs this version of the package and the dataset at the same path; a panorama that is
another file there is an error of its episodes, never a different score.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
import re
import socket
import threading
from typing import Any

from hvs_ros import __version__
from hvs_ros.core.errors import HvsError, InputError
from hvs_ros.core.panorama import PanoramaCache
from hvs_ros.evaluation.budget import Budget
from hvs_ros.evaluation.config import EvalConfig
from hvs_ros.evaluation.manifest import planner_for
from hvs_ros.evaluation.runner import (
    EpisodeRunner,
    Finished,
    Job,
    Renderers,
    StoppedError,
    failed,
)
from hvs_ros.evaluation.workers import TRIALS, Engine, is_remote
from hvs_ros.planners.base import Planner

LOCAL = 'local'
"""The address that starts a cluster of this machine alone, for the time of the run."""
CONNECT_WITHIN_S = 10.0


def require_ray() -> None:
    """Raise ``ModuleNotFoundError`` where the library is not installed."""
    import_module('ray')


@contextmanager
def cluster_engines(
        config: EvalConfig, planner: Planner, budget: Budget | None) -> Iterator[list[Engine]]:
    """
    Connect to the cluster and yield one engine a worker; leave it at the end.

    A planner that computes has a process of its own for each worker, with a processor reserved;
    one that waits for a server shares a process, a cache and renderers on each node. Raise
    ``InputError`` when the cluster cannot be reached or is too small.
    """
    ray = _connected(config)
    try:
        till = None if budget is None else ray.remote(_Till).options(num_cpus=0).remote(
            budget.limit - budget.spent, budget.prices)
        seats = [
            _Seat(ray, config, slots, till) for slots in _slots(ray, config, is_remote(planner))]
        stopping = threading.Event()
        yield [
            _ClusterEngine(ray, config, planner, seat, slot, stopping, budget, place)
            for place, (seat, slot) in enumerate(
                (seat, slot) for seat in seats for slot in range(seat.slots))]
    finally:
        ray.shutdown()


def _connected(config: EvalConfig) -> Any:
    import ray
    options = {'include_dashboard': False} if config.cluster == LOCAL else {}
    try:
        _refuse_silence(config.cluster or '')
        ray.init(address=config.cluster, log_to_driver=False, configure_logging=False, **options)
    except (OSError, ValueError, RuntimeError) as error:
        reason = ' '.join(str(error).split())
        raise InputError(
            f'the Ray cluster at {config.cluster!r} cannot be used: {reason:.200}') from error
    return ray


def _refuse_silence(address: str) -> None:
    """Raise ``OSError`` where nobody listens: Ray itself would wait for minutes."""
    match = re.fullmatch(r'(?:ray://)?\[?(.+?)\]?:([0-9]{1,5})', address)
    if match is not None:
        socket.create_connection((match[1], int(match[2])), CONNECT_WITHIN_S).close()


def _slots(ray: Any, config: EvalConfig, remote: bool) -> list[int]:
    """Return how many workers each process of the cluster has; raise ``InputError``."""
    nodes = [node for node in ray.nodes() if node['Alive']]
    processors = int(ray.cluster_resources().get('CPU', 0))
    count = min(config.workers, len(nodes)) if remote else config.workers
    if processors < count:
        raise InputError(
            f'the Ray cluster at {config.cluster!r} has {processors} processors, too few for '
            f'{config.workers} workers')
    least, more = divmod(config.workers, count)
    return [least + (place < more) for place in range(count)]


class _Till:
    """Hold what may still be spent, for workers on every node: the body of an actor."""

    def __init__(self, left: float, prices: Any) -> None:
        self._left, self._prices = left, prices

    def is_open(self) -> bool:
        return self._left > 0

    def pay(self, prompt_tokens: int, completion_tokens: int) -> None:
        self._left -= self._prices.cost(prompt_tokens, completion_tokens)


class _TillPurse:
    """Use the till from a worker, as a ``Purse``."""

    def __init__(self, till: Any) -> None:
        import ray
        self._till, self._get = till, ray.get

    def is_open(self) -> bool:
        return bool(self._get(self._till.is_open.remote()))

    def pay(self, prompt_tokens: int, completion_tokens: int) -> None:
        if not prompt_tokens and not completion_tokens:
            raise InputError('the server reports no token usage, which max_cost needs')
        self._get(self._till.pay.remote(prompt_tokens, completion_tokens))


class _Workers:
    """Run jobs on a node, several at once where they wait for a server: the body of an actor."""

    def __init__(self, values: dict[str, Any], slots: int, till: Any) -> None:
        import cv2
        cv2.setNumThreads(1)
        config = EvalConfig.from_dict(values)
        planner, panoramas = planner_for(config), PanoramaCache()
        renderers = Renderers(config.view)
        purse = None if till is None else _TillPurse(till)
        self._runners = [
            EpisodeRunner(config, planner, panoramas, None, renderers, purse)
            for _ in range(slots)]

    def version(self) -> str:
        return __version__

    def run(self, slot: int, job: Job) -> Finished | None:
        try:
            return self._runners[slot].run(job)
        except StoppedError:
            return None


class _Seat:
    """Own one process of the cluster, made again when it or its node dies."""

    def __init__(self, ray: Any, config: EvalConfig, slots: int, till: Any) -> None:
        self.slots = slots
        self._ray, self._config, self._till = ray, config, till
        self._guard = threading.Lock()
        self._actor: Any = None

    def actor(self) -> Any:
        """Return the living process; raise ``InputError`` when it has another version."""
        with self._guard:
            if self._actor is None:
                # One more thread than workers, so that it can always be asked who it is.
                made = self._ray.remote(_Workers).options(
                    num_cpus=1, max_concurrency=self.slots + 1, scheduling_strategy='SPREAD',
                    max_restarts=0).remote(self._config.to_dict(), self.slots, self._till)
                version = self._ray.get(made.version.remote())
                if version != __version__:
                    raise InputError(
                        f'a node of the cluster runs hvs_ros {version}, not {__version__}')
                self._actor = made
            return self._actor

    def discard(self, actor: Any) -> None:
        """Let go of a process that died, unless another worker has already."""
        with self._guard:
            if self._actor is actor:
                self._actor = None

    def kill(self) -> None:
        """End the process."""
        actor = self._actor
        if actor is not None:
            self._ray.kill(actor)


class _ClusterEngine:
    """Run jobs on the cluster, one at a time; a job that costs two processes is an error."""

    def __init__(
            self, ray: Any, config: EvalConfig, planner: Planner, seat: _Seat, slot: int,
            stopping: threading.Event, budget: Budget | None, place: int) -> None:
        self._ray, self._config, self._planner = ray, config, planner
        self._seat, self._slot, self._stopping = seat, slot, stopping
        self._budget, self._place = budget, place

    def run(self, job: Job) -> Finished:
        """Return what the job came to there; raise ``StoppedError`` after ``close``."""
        reason = ''
        for _ in range(TRIALS):
            actor = None
            try:
                actor = self._seat.actor()
                finished = self._ray.get(actor.run.remote(self._slot, job))
            except self._ray.exceptions.RayActorError as error:
                if self._stopping.is_set():
                    raise StoppedError('the run was stopped') from error
                reason = str(error).splitlines()[0]
                self._seat.discard(actor)
                continue
            except self._ray.exceptions.RayError as error:
                if self._stopping.is_set():
                    raise StoppedError('the run was stopped') from error
                raise HvsError(f'the Ray cluster failed: {str(error).splitlines()[0]}') from error
            if finished is None:
                raise StoppedError('the budget is spent')
            self._note(finished)
            return finished
        return failed(
            self._config, self._planner, job,
            f'the worker process on the cluster died {TRIALS} times ({reason})')

    def close(self) -> None:
        """End the worker's process, and with it the search in flight."""
        self._stopping.set()
        self._seat.kill()

    def _note(self, finished: Finished) -> None:
        if self._budget is None:
            return
        for turn in finished.record['turns']:
            tokens = turn['tokens']
            if turn['model']:
                self._budget.pay(self._place, tokens['prompt'], tokens['completion'])


def with_hashes(jobs: Sequence[Job], hashes: dict[str, str]) -> list[Job]:
    """Return jobs that tell which bytes each panorama must have, by its file's name here."""
    return [
        Job(job.episode, job.repeat, job.attempt, hashes[job.episode.panorama.name])
        for job in jobs]


