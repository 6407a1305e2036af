# SPDX-License-Identifier: Apache-2.0
"""What a run has cost so far, and whether another request may be sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, Protocol

from hvs_ros.core.errors import InputError
from hvs_ros.evaluation.config import EvalConfig

MILLION = 1_000_000


@dataclass(frozen=True)
class Prices:
    """Hold what a million tokens cost, in any currency."""

    prompt: float
    completion: float

    def cost(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Return what so many tokens cost."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / MILLION


def prices_of(config: EvalConfig) -> Prices | None:
    """Return the prices of a run, None where they are not known."""
    return None if config.prices is None else Prices(**config.prices)


def usage_of(records: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
    """Return (prompt, completion) tokens of every turn of the records."""
    prompt = completion = 0
    for record in records:
        for turn in record.get('turns', ()):
            tokens = turn.get('tokens', {})
            prompt += tokens.get('prompt', 0)
            completion += tokens.get('completion', 0)
    return prompt, completion


class Purse(Protocol):
    """Hold the money of one worker's requests."""

    def is_open(self) -> bool:
        """Return whether one more request may be sent."""

    def pay(self, prompt_tokens: int, completion_tokens: int) -> None:
        """Note what a reply has cost."""


class Budget:
    """
    Share one sum among workers, in this process or in others.

    ``spent`` is what earlier sittings cost. Each worker writes to a place of its own and reads
    all of them, so that no lock is needed and none is left held by a worker that is killed. A
    request is sent while less than the limit is spent: the sum ends above it by no more than
    the requests that were in flight.
    """

    def __init__(self, limit: float, prices: Prices, spent: float, workers: int) -> None:
        self.limit, self.prices, self._before = limit, prices, spent
        self._places = get_context('spawn').RawArray('d', workers)

    @property
    def spent(self) -> float:
        """Return what all sittings have cost so far."""
        return self._before + sum(self._places)

    def purse(self, worker: int) -> WorkerPurse:
        """Return a worker's purse; it may be passed to a process as that is started."""
        return WorkerPurse(self, worker)

    def is_open(self) -> bool:
        """Return whether less than the limit is spent."""
        return self.spent < self.limit

    def pay(self, worker: int, prompt_tokens: int, completion_tokens: int) -> None:
        """Add the cost of a reply; raise ``InputError`` when the server does not tell it."""
        if not prompt_tokens and not completion_tokens:
            raise InputError('the server reports no token usage, which max_cost needs')
        self._places[worker] += self.prices.cost(prompt_tokens, completion_tokens)


@dataclass(frozen=True)
class WorkerPurse:
    """Let one worker use the common budget."""

    budget: Budget
    worker: int

    def is_open(self) -> bool:
        """Return whether one more request may be sent."""
        return self.budget.is_open()

    def pay(self, prompt_tokens: int, completion_tokens: int) -> None:
        """Note what a reply has cost."""
        self.budget.pay(self.worker, prompt_tokens, completion_tokens)


def budget_of(config: EvalConfig, usage: tuple[int, int]) -> Budget | None:
    """Return the budget of a sitting whose folder already tells of ``usage``, None without one."""
    prices = prices_of(config)
    if config.max_cost is None or prices is None:
        return None
    return Budget(config.max_cost, prices, prices.cost(*usage), config.workers)
