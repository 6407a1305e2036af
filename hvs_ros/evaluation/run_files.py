# SPDX-License-Identifier: Apache-2.0
"""What lies in a run folder: its manifest and its lines, read and checked; derived files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
import json
import os
from pathlib import Path
from typing import Any

from hvs_ros.core.errors import InputError
from hvs_ros.evaluation.budget import usage_of
from hvs_ros.evaluation.config import EvalConfig
from hvs_ros.evaluation.outcomes import OUTCOMES

SCHEMA_VERSION = 1
MANIFEST = 'run.json'
LINES = 'episodes.jsonl'
WRITTEN = (MANIFEST, 'metrics.json', 'report.html')

Key = tuple[str, int]


class RunError(InputError):
    """Say why a run folder cannot be used."""


def record_key(record: Mapping[str, Any]) -> Key:
    """Return the (episode id, repeat) that a line is about."""
    return record['id'], record['repeat']


def now() -> str:
    """Return the time as manifests write it: UTC, ISO 8601."""
    return datetime.now(timezone.utc).isoformat(timespec='seconds')


def read_manifest(run: Path | str) -> dict[str, Any]:
    """Return a run's manifest; raise ``RunError`` when the folder holds none."""
    path = Path(run) / MANIFEST
    try:
        manifest = json.loads(
            path.read_text(encoding='utf-8'), parse_constant=_refuse_constant)
    except FileNotFoundError as error:
        raise RunError(f'{run}: not a run folder (it has no {MANIFEST})') from error
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f'{path}: broken manifest ({error})') from error
    if not isinstance(manifest, dict) or manifest.get('schema_version') != SCHEMA_VERSION:
        version = manifest.get('schema_version') if isinstance(manifest, dict) else None
        raise RunError(
            f'{path}: schema_version is {version!r}, this version reads {SCHEMA_VERSION}')
    _check_manifest(path, manifest)
    return manifest


def _refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python reads and no other reader of JSON does."""
    raise ValueError(f'{name} is no number of JSON')


def _check_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    """Raise ``RunError`` naming the field that a run cannot be told by."""
    for section in ('config', 'episodes'):
        if not isinstance(manifest.get(section), dict):
            raise RunError(f'{path}: field "{section}" is missing or no object')
    count = manifest['episodes'].get('count')
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise RunError(f'{path}: field "episodes.count" cannot be {count!r}')
    try:
        EvalConfig.from_dict(manifest['config'])
    except (InputError, TypeError) as error:
        raise RunError(f'{path}: field "config" is broken ({error})') from error


def read_records(run: Path | str) -> list[dict[str, Any]]:
    """Return the standing line of every (id, repeat), sorted by key; a torn end is left out."""
    return read_lines(run).records()


def write_atomically(path: Path, text: str) -> None:
    """Write a derived file so that a reader sees the old or the new one, never half of one."""
    scratch = path.with_name(f'.{path.name}.{os.getpid()}')
    try:
        with open(scratch, 'w', encoding='utf-8', errors='backslashreplace') as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(scratch, path)
    except OSError as error:
        raise RunError(f'{path}: cannot be written ({error.strerror})') from error
    finally:
        scratch.unlink(missing_ok=True)


@dataclass
class Lines:
    """
    Hold what the lines of a run say.

    ``by_key`` is the last line of every key, ``whole`` the length in bytes of the part that is
    whole; tokens are counted over all lines, also those that a later one replaced.
    """

    by_key: dict[Key, dict[str, Any]] = field(default_factory=dict)
    whole: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def add(self, record: dict[str, Any]) -> None:
        """Let a line stand for its key."""
        self.by_key[record_key(record)] = record
        prompt, completion = usage_of([record])
        self.prompt_tokens += prompt
        self.completion_tokens += completion

    def records(self) -> list[dict[str, Any]]:
        """Return the standing line of every key, sorted by key."""
        return [self.by_key[key] for key in sorted(self.by_key)]


def read_lines(run: Path | str) -> Lines:
    """Return what a run's lines say; a torn end is left out, damage elsewhere refused."""
    path = Path(run) / LINES
    try:
        return parse_lines(path.read_bytes(), path)
    except FileNotFoundError:
        return Lines()


def parse_lines(content: bytes, path: Path) -> Lines:
    """Return what a file of lines says; raise ``RunError`` for damage before its end."""
    lines = Lines()
    for number, line in enumerate(content.splitlines(keepends=True), 1):
        record = read_line(line) if line.endswith(b'\n') else None
        if record is None:
            if lines.whole + len(line) < len(content):
                raise RunError(f'{path}: line {number} is not a record')
            break
        lines.add(record)
        lines.whole += len(line)
    return lines


def read_line(line: bytes) -> dict[str, Any] | None:
    """Return the record that a whole line holds, None when it holds none."""
    try:
        record = json.loads(line)
        name, repeat = record_key(record)
        known = record['outcome'] in OUTCOMES
        attempt = record['attempt']
        usage_of([record])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    counts = all(isinstance(n, int) and not isinstance(n, bool) for n in (repeat, attempt))
    return record if known and counts and isinstance(name, str) else None
