# SPDX-License-Identifier: Apache-2.0
"""
Build prompt packs from a user's own clone of the published harness.

Its prompt module is read as text and never run; what it says stays in the user's files. The texts
it needs: a system prompt per kind of search, the observation of the first turn and of later ones,
the request for an answer's format, and, from the environment beside it, what is told of an action
that was carried out and of one that was not.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
import hashlib
import os
from pathlib import Path
import re
from typing import Any

import yaml

from hvs_ros.core.actions import ANSWER_FORMATS
from hvs_ros.core.errors import InputError
from hvs_ros.core.prompts import KINDS, PromptError, PromptPack, load_prompts
from hvs_ros.core.string_code import CannotTell, Function, Source

SYSTEM, FIRST, NEXT, FORMAT = (
    'system_prompt', 'init_observation_template', 'action_template', 'format_prompt')
FACTORY, FORMATS, FEEDBACK = 'format_prompt_generator', 'FORMAT_CONFIGS', 'env_feedback'
MODULES = ('prompt.py', 'prompts.py', '*prompt*.py')
_MOST_BYTES = 1 << 20
_MOST_FILES = 20_000
# What stands in for the words that only a turn knows, while the texts are put together.
_MARKS = {word: f'\x01{word}\x02' for word in ('image', 'instruction', 'action', 'feedback')}
_MARKED = re.compile('\x01([a-z]+)\x02')
_TOLD = 'Your direction (yaw,pitch) is ({yaw},{pitch}).'
_NOT_TOLD = 'The last answer was not a valid action.'


@dataclass(frozen=True)
class Imported:
    """
    Hold a pack made of somebody's texts.

    ``missing`` says, a sentence each, what the checkout does not tell and what stands in its
    place.
    """

    answer_format: str
    fields: Mapping[str, Any]
    source: Path
    source_sha256: str
    missing: tuple[str, ...]


def import_prompts(checkout: Path | str, formats: Iterable[str] = ()) -> list[Imported]:
    """
    Return one pack for each answer format that the checkout words.

    ``checkout`` is a clone, or the prompt module itself; ``formats`` limits what is read. Raise
    ``InputError`` naming every text that could not be found.
    """
    path = _find_module(Path(checkout))
    text = _read(path)
    source = Source(text, str(path), _beside(path))
    digest = hashlib.sha256(text.encode()).hexdigest()
    wanted = tuple(formats) or tuple(
        name for name in ANSWER_FORMATS if name in _told_formats(source))
    told, missing = _feedback(path, source)
    packs = []
    for answer_format in wanted:
        if answer_format not in ANSWER_FORMATS:
            raise InputError(f'unknown answer format {answer_format!r}: it is one of '
                             f'{", ".join(ANSWER_FORMATS)}')
        texts = _Texts(source, answer_format, told)
        fields = texts.pack()
        packs.append(Imported(
            answer_format, fields, path, digest, (*missing, *texts.missing)))
    return packs


def _beside(path: Path, depth: int = 3) -> Callable[[str], Mapping[str, Any] | None]:
    """Return what reads the modules beside a file, for the names that it imports from them."""
    def names(module: str) -> Mapping[str, Any] | None:
        other = path.with_name(f'{module.rpartition(".")[2]}.py')
        if not module or depth == 0 or other == path or not other.is_file():
            return None
        try:
            return Source(_read(other), str(other), _beside(other, depth - 1)).names
        except InputError:
            return None

    return names


def pack_yaml(pack: Imported, name: str) -> str:
    """Return the pack as a file's text, readable line by line."""
    content = {'name': name, 'answer_format': pack.answer_format, **pack.fields}
    # No path: the same words must have the same hash wherever the clone lies.
    return (f'# Taken from a {pack.source.name} with sha256 {pack.source_sha256}; these words are '
            'not part of hvs_ros.\n'
            + yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6))


def write_pack(pack: Imported, path: Path) -> PromptPack:
    """
    Write the pack to ``path`` and return it as it is read back.

    Raise ``InputError`` when it cannot be written, or cannot be used: then nothing is left.
    """
    scratch = path.with_name(f'.{path.name}.{os.getpid()}.yaml')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_text(pack_yaml(pack, path.stem), encoding='utf-8')
        load_prompts(scratch)
        scratch.replace(path)
        return load_prompts(path)
    except OSError as error:
        raise InputError(f'{path}: cannot be written ({error.strerror})') from error
    except PromptError as error:
        raise InputError(str(error).replace(str(scratch), str(pack.source))) from error
    finally:
        scratch.unlink(missing_ok=True)


class _Dumper(yaml.SafeDumper):
    """Write texts of several lines as blocks where YAML can."""


_Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar(
    'tag:yaml.org,2002:str', text, style='|' if '\n' in text else None))


class _Texts:
    """Put one format's texts together; whatever is not found is named, all of it at once."""

    def __init__(self, source: Source, answer_format: str, told: Mapping[str, str]) -> None:
        self._source = source
        self._format = answer_format
        self._told = told
        self._lost: list[str] = []
        self.missing: list[str] = []

    def pack(self) -> dict[str, Any]:
        """Return the fields of the pack; raise ``InputError`` for what is missing."""
        asks = {example: self._asked(example) for example in (True, False)}
        system = {kind: self._joined(self._system(kind), asks[True]) for kind in KINDS}
        first = self._joined(self._function(FIRST, {}), asks[False])
        later = {
            valid: self._joined(self._function(NEXT, {
                'valid_action': f"['{_MARKS['action']}']" if valid else '[]', 'done': False,
                'env_feedback': _MARKS['feedback']}), asks[False])
            for valid in (True, False)}
        if self._lost:
            raise InputError(
                f'{self._source.name}: not a prompt module of the published harness: '
                f'{"; ".join(dict.fromkeys(self._lost))}')
        example = self._example()
        return {
            'system': {kind: _template(text, {}) for kind, text in system.items()},
            'first_turn': _template(first, {}),
            'next_turn': _template(later[True], {'feedback': self._told['valid']}),
            'invalid_turn': _template(later[False], {'feedback': self._told['invalid']}),
            'invalid_turn_told': _template(later[False], {
                'feedback': f'{self._told["invalid"]} ({{reason}}) {_TOLD}'}),
            'example': example}

    def _system(self, kind: str) -> str:
        return self._function(SYSTEM, {'format': self._format, 'is_nav': kind == 'path'})

    def _asked(self, with_example: bool) -> str:
        """Return the request for the format, as it stands behind every text."""
        arguments = {'max_actions_per_step': 1, 'add_example': with_example}
        prompts, factory = self._named(FORMAT), self._named(FACTORY)
        if prompts is None and factory is None and FORMAT not in self._source.unread:
            self.missing = [f"{self._source.name} has no {FORMAT!r}: no request for an answer's "
                            'format is added']
            return ''
        try:
            asked = prompts.get(self._format) if isinstance(prompts, dict) else prompts
            if isinstance(factory, Function) and not isinstance(asked, (Function, str)):
                asked = self._source.call(factory, {
                    factory.definition.args.args[0].arg: self._format})
            if isinstance(asked, Function):
                asked = self._source.call(asked, arguments)
        except (CannotTell, IndexError) as error:
            return self._none(FORMAT, error)
        return asked if isinstance(asked, str) else self._none(FORMAT)

    def _function(self, name: str, arguments: Mapping[str, Any]) -> str:
        found = self._named(name)
        given = {'observation': _MARKS['image'], 'instruction': _MARKS['instruction'], **arguments}
        try:
            if isinstance(found, Function):
                found = self._source.call(found, given)
        except CannotTell as error:
            return self._none(name, error)
        if isinstance(found, dict):
            found = found.get(self._format)
        if not isinstance(found, str) or not found.strip():
            return self._none(name)
        # a constant holds its placeholders as they are
        return re.sub(r'\{(\w+)\}', lambda match: str(given.get(match[1], match[0])), found)

    def _named(self, name: str) -> Any:
        """Return what the module calls so, in lower or upper case."""
        return self._source.names.get(name, self._source.names.get(name.upper()))

    def _joined(self, text: str, asked: str) -> str:
        return f'{text}\n{asked}' if asked else text

    def _example(self) -> str:
        configs = self._named(FORMATS)
        example = configs.get(self._format, {}) if isinstance(configs, dict) else {}
        text = example.get('example') if isinstance(example, dict) else None
        return text if isinstance(text, str) and text.strip() else '(in the system prompt)'

    def _none(self, name: str, error: Exception | None = None) -> str:
        known = self._named(name) is not None or name in self._source.unread
        told = self._source.unread.get(name) if error is None else error
        why = f' ({told})' if told else ''
        self._lost.append(
            f"'{name}' gives no text for {self._format}{why}" if known or error is not None
            else f"'{name}' is not in it")
        return ''


def _template(text: str, words: Mapping[str, str]) -> str:
    """Return the text with its marks as placeholders of a pack."""
    def word(match: re.Match[str]) -> str:
        return words.get(match[1], f'{{{match[1]}}}')

    # Braces of the text's own must not be taken for placeholders.
    stray = re.findall(r'\{[a-z_]+\}', text)
    if stray:
        raise InputError(f'the published text holds {stray[0]}, which a pack would fill in')
    return _MARKED.sub(word, text)


def _told_formats(source: Source) -> Iterable[str]:
    configs = source.names.get(FORMATS)
    prompts = source.names.get(FORMAT)
    for table in (configs, prompts):
        if isinstance(table, dict) and table:
            return [str(name) for name in table]
    return ANSWER_FORMATS


def _feedback(path: Path, prompts: Source) -> tuple[dict[str, str], list[str]]:
    """Return what is told after a valid and an invalid action, and what was not found of it."""
    told = {'valid': _TOLD, 'invalid': _NOT_TOLD}
    near = [path, path.with_name('env.py'), *sorted(path.parent.glob('*env*.py'))]
    for candidate in dict.fromkeys(near):
        if not candidate.is_file():
            continue
        found = list(_feedback_texts(ast.parse(_read(candidate), str(candidate))))
        valid = next((text for text in found if '{yaw}' in text), None)
        invalid = next((text for text in found if '{yaw}' not in text), None)
        if valid is not None:
            return {'valid': valid, 'invalid': invalid or _NOT_TOLD}, (
                [] if invalid else [f'{candidate} does not word the feedback after an invalid '
                                    'answer: our own words stand there'])
    return told, [f'{path.parent} does not word {FEEDBACK!r}: our own words stand there']


def _feedback_texts(tree: ast.AST) -> Iterator[str]:
    """Yield the texts that are given to anything called env_feedback."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(FEEDBACK in ast.unparse(t) for t in node.targets):
            yield from _texts_in(node.value)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == FEEDBACK:
                    yield from _texts_in(value)


def _texts_in(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from _texts_in(node.body)
        yield from _texts_in(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        parts = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                name = ast.unparse(part.value).rpartition('.')[2]
                parts.append(f'{{{name}}}' if name in ('yaw', 'pitch') else '')
            elif isinstance(part, ast.Constant):
                parts.append(str(part.value))
        yield ''.join(parts)


def _find_module(checkout: Path) -> Path:
    """Return the prompt module of a clone: the one that holds most of the names, hstar's first."""
    if checkout.is_file():
        return checkout
    if not checkout.is_dir():
        raise InputError(f'{checkout}: no such folder or file')
    candidates: dict[Path, None] = {}
    for pattern in MODULES:
        for path in checkout.rglob(pattern):
            candidates[path] = None
            if len(candidates) > _MOST_FILES:
                break
    scored = [(_score(path), path) for path in candidates if path.is_file()]
    best = max(scored, key=lambda pair: (pair[0], -len(pair[1].parts)), default=None)
    if best is None or best[0] == 0:
        raise InputError(
            f'{checkout} holds no prompt module: no prompt.py in it says {SYSTEM}, {FIRST} or '
            f'{NEXT} and speaks of rotate and submit')
    return best[1]


def _score(path: Path) -> int:
    """Return how many of the names a module holds, 0 for other environments' prompts."""
    try:
        text = _read(path)
    except InputError:
        return 0
    if not all(word in text for word in ('rotate', 'submit')):
        return 0
    return sum(name in text.lower() for name in (SYSTEM, FIRST, NEXT, FORMAT))


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f'{path} is too large for a module of prompts')
        return path.read_text(encoding='utf-8-sig')
    except OSError as error:
        raise InputError(f'{path} cannot be read ({error.strerror})') from error
    except UnicodeDecodeError as error:
        raise InputError(f'{path} is not a text file') from error

