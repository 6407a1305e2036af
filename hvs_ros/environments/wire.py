# SPDX-License-Identifier: Apache-2.0
"""What travels between the service and a trainer: JSON in and out, images as base64 of PNG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
import json
from typing import Any

import pybase64

from hvs_ros.core.errors import InputError
from hvs_ros.environments.environment import Observation

Chunks = tuple[bytes, ...]
MAX_ID = 256


class RequestError(InputError):
    """Name the key of a request and the value that cannot be used."""


@dataclass(frozen=True)
class Shown:
    """Hold an observation as JSON in three pieces, and what else a step returned."""

    observation: Chunks
    rest: tuple[Any, ...]


def dump(value: Any) -> bytes:
    """Return the value as ASCII JSON; replies may hold characters that UTF-8 cannot."""
    return json.dumps(value, allow_nan=False).encode('ascii')


def load(body: bytes) -> Any:
    """Return what a body says, nothing for an empty one; raise ``RequestError``."""
    if not body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        why = (str(error).splitlines() or ['it is nested too deeply'])[0][:200]
        raise RequestError(f'the body is not JSON: {why}') from error


def show(observation: Observation, placeholder: str, rest: tuple[Any, ...]) -> Shown:
    """Render an observation and write it as JSON."""
    head = b'{"obs_str": %b, "multi_modal_data": {%b: [{"__pil_image__": "' % (
        dump(observation.text), dump(placeholder))
    image = pybase64.b64encode(observation.png())
    # what cannot be written is found here, while the step can still be taken back
    dump(rest)
    return Shown((head, image, b'"}]}}'), rest)


def listed(results: Mapping[str, Shown]) -> Iterator[bytes]:
    """Yield the answer of a batch: ``{"results": {id: [observation, …rest]}}``."""
    before = b'{"results": {'
    for name, shown in results.items():
        yield before + dump(name) + b': ['
        yield from shown.observation
        yield b''.join(b', ' + dump(value) for value in shown.rest) + b']'
        before = b', '
    yield (before if not results else b'') + b'}}'


def named(shown: Shown, names: Sequence[str]) -> Iterator[bytes]:
    """Yield the answer of a single form: ``{"observation": …, name: value …}``."""
    yield b'{"observation": '
    yield from shown.observation
    yield b''.join(
        b', ' + dump(name) + b': ' + dump(value)
        for name, value in zip(names, shown.rest, strict=True)) + b'}'


def member(payload: Any, key: str) -> Any:
    """Return a required member of a request's object."""
    if payload is None:
        payload = {}
    if not isinstance(payload, Mapping):
        raise RequestError(f'the body must be an object with the key {key}')
    if key not in payload:
        raise RequestError(f'missing key: {key}')
    return payload[key]


def ids_to(payload: Any, key: str) -> dict[str, Any]:
    """Return a required object of the request whose keys are environments' ids."""
    value = member(payload, key)
    if not isinstance(value, dict):
        raise RequestError(f'{key} must be an object of ids, not {brief(value)}')
    for name in value:
        _check_id(name)
    return value


def id_list(payload: Any, key: str = 'env_ids') -> list[str]:
    """Return a required list of environments' ids, each once."""
    value = member(payload, key)
    if not isinstance(value, list):
        raise RequestError(f'{key} must be a list of ids, not {brief(value)}')
    for name in value:
        if not isinstance(name, str):
            raise RequestError(f'{key} must be a list of ids, which are texts; {brief(name)} is '
                               'none')
        _check_id(name)
    return list(dict.fromkeys(value))


def seed_of(value: Any, where: str) -> int | None:
    """Return a seed: a whole number, or None."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise RequestError(f'{where}: a seed must be a whole number or null, not {brief(value)}')


def text_of(value: Any, where: str) -> str:
    """Return a model's text."""
    if isinstance(value, str):
        return value
    raise RequestError(f"{where}: an action must be the model's text, not {brief(value)}")


def _check_id(name: str) -> None:
    if not 0 < len(name) <= MAX_ID:
        raise RequestError(f'an id has 1 to {MAX_ID} characters, not {len(name)}')


def brief(value: Any) -> str:
    """Return the value as a message shows it."""
    try:
        text = json.dumps(value)
    except (ValueError, RecursionError):
        return f'such a {type(value).__name__}'
    return text if len(text) <= 60 else f'{text[:60]}…'
