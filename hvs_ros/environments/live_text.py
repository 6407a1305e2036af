# SPDX-License-Identifier: Apache-2.0
"""A text space whose shared memory is read each time, as that of arrays is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

from gymnasium import spaces
from gymnasium.vector.utils import read_from_shared_memory


class LiveText(spaces.Text):
    """
    Hold texts like ``Text``.

    gymnasium's ``AsyncVectorEnv`` reads the texts in shared memory once, when it is made; arrays
    stay right because they are views of that memory. These texts are read when they are looked at.
    """


class _LiveTexts(Sequence[str]):
    """Read the texts of all environments from their shared memory, now; a copy stays as it is."""

    def __init__(self, space: spaces.Text, memory: Any, count: int) -> None:
        self._space = spaces.Text(
            space.max_length, min_length=space.min_length, charset=space.character_set)
        self._memory = memory
        self._count = count

    def _now(self) -> tuple[str, ...]:
        return tuple(read_from_shared_memory(self._space, self._memory, self._count))

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[str, ...]: ...

    def __getitem__(self, place: int | slice) -> str | tuple[str, ...]:
        return self._now()[place]

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __eq__(self, other: object) -> bool:
        return self._now() == (other._now() if isinstance(other, _LiveTexts) else other)

    __hash__ = None  # type: ignore[assignment]

    def __deepcopy__(self, memo: dict[int, Any]) -> tuple[str, ...]:
        return self._now()

    def __repr__(self) -> str:
        return repr(self._now())


@read_from_shared_memory.register(LiveText)
def _read_live(space: LiveText, shared_memory: Any, n: int = 1) -> _LiveTexts:
    return _LiveTexts(space, shared_memory, n)
