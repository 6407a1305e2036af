# SPDX-License-Identifier: Apache-2.0
"""How a model is asked: what it is shown, what may be done to its reply, how long it may take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from hvs_ros.core.errors import InputError

CONTEXTS = ('published', 'append', 'two-round')
IMAGE_FORMATS = ('jpeg', 'png')
SHORTCUTS = ('structured_output', 'early_stop', 'reask')
SWITCHES = ('stream', *SHORTCUTS)
WISHES = ('context', 'image_width', 'image_height', 'image_format', 'image_quality', *SWITCHES)
"""What parameters and options may set beside ``history_turns``."""
PUBLISHED = 'published-'
"""How the profiles begin that score a model by its own words alone."""


@dataclass(frozen=True)
class Asking:
    """
    Say what a model is shown and what may be done to its reply.

    ``context`` is ``published`` (the latest ``history_turns`` observations, the present one
    included), ``two-round`` (the latest two) or ``append`` (all of them, so that a server finds
    the beginning of every request in its prefix cache; past ``most_images`` the oldest half goes
    at once). ``image_width`` and ``image_height`` in pixels, 0 for the view's own;
    ``image_format`` '' and ``image_quality`` 0 keep the view's JPEG bytes where its size is kept.

    ``stream`` has the reply sent as it is made, which shows when its first words come. Three
    shortcuts are for robots, not for scoring a model: ``early_stop`` hangs up at the end of the
    answer, ``structured_output`` has the server keep to the answer's form, ``reask`` asks once
    more after an answer that is no action.
    """

    context: str = 'published'
    history_turns: int = 5
    most_images: int = 10
    image_width: int = 0
    image_height: int = 0
    image_format: str = ''
    image_quality: int = 0
    stream: bool = False
    early_stop: bool = False
    structured_output: bool = False
    reask: bool = False

    def with_wishes(self, wishes: Mapping[str, Any], where: str = 'asking') -> Asking:
        """Return this with fields replaced; raise ``InputError`` naming ``where`` and field."""
        known = [entry.name for entry in fields(self)]
        for name, value in wishes.items():
            if name not in known:
                raise InputError(
                    f"{where}: unknown field '{name}'; known are: {', '.join(known)}")
            accepts, words = _RULES[name]
            if not accepts(value):
                raise InputError(f"{where}: field '{name}' must be {words}, not {value!r}")
        return replace(self, **wishes)

    def under(self, profile: str) -> Asking:
        """Return this as it holds under a profile: a published one allows no shortcut."""
        if not profile.startswith(PUBLISHED):
            return self
        return replace(self, early_stop=False, structured_output=False, reask=False)

    @property
    def shortcuts(self) -> tuple[str, ...]:
        """Return the shortcuts in use, in words."""
        return tuple(name.replace('_', ' ') for name in SHORTCUTS if getattr(self, name))

    def first_shown(self, turns: int) -> int:
        """Return the index of the oldest of ``turns`` observations (the present one's too)."""
        if self.context == 'append':
            step = max(1, self.most_images // 2)
            over = max(0, turns - self.most_images)
            return step * (-(-over // step))
        most = 2 if self.context == 'two-round' else self.history_turns
        return max(0, turns - most)

    @property
    def most_shown(self) -> int:
        """Return how many images a request holds at most."""
        shown = {'append': self.most_images, 'two-round': 2}
        return shown.get(self.context, self.history_turns)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a manifest holds them."""
        return asdict(self)


@dataclass(frozen=True)
class Waits:
    """
    Hold how long one request may take, in seconds; None is no limit of its own.

    ``connect`` until the connection stands, ``first_token`` until the first words of a streamed
    reply, ``reply`` until its end. What is longer is tried again or elsewhere, all of it within
    the planner's ``give_up_after``.
    """

    connect: float | None = None
    first_token: float | None = None
    reply: float | None = None

    def over(self, other: Waits) -> Waits:
        """Return this with what it leaves open taken from ``other``."""
        return Waits(*(
            getattr(other, entry.name) if getattr(self, entry.name) is None
            else getattr(self, entry.name) for entry in fields(self)))


def wishes_of(settings: Any) -> dict[str, Any]:
    """
    Return the fields of ``Asking`` that parameters or options of the same names set.

    '' and 0 set nothing, and neither does ``auto`` where ``always`` and ``never`` are the others.
    """
    wishes: dict[str, Any] = {}
    for name in WISHES:
        value = getattr(settings, name)
        if value in ('always', 'never'):
            wishes[name] = value == 'always'
        elif value and value != 'auto':
            wishes[name] = value
    return wishes


def _within(low: int, high: int) -> tuple[Callable[[Any], bool], str]:
    return (
        lambda value: isinstance(value, int) and not isinstance(value, bool)
        and low <= value <= high, f'{low} to {high}')


_FLAG: tuple[Callable[[Any], bool], str] = (
    lambda value: isinstance(value, bool), 'true or false')
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    'context': (lambda value: value in CONTEXTS, f'one of {", ".join(CONTEXTS)}'),
    'history_turns': _within(1, 100), 'most_images': _within(2, 1000),
    'image_width': _within(0, 4096), 'image_height': _within(0, 4096),
    'image_format': (
        lambda value: value in ('', *IMAGE_FORMATS), f'one of {", ".join(IMAGE_FORMATS)}'),
    'image_quality': _within(0, 100),
    **dict.fromkeys(SWITCHES, _FLAG)}
