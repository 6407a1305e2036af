# SPDX-License-Identifier: Apache-2.0
"""Finished searches as dialogues for supervised fine-tuning: ShareGPT rows and their images."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
import hashlib
import json
from pathlib import Path
import re
from typing import Any, Union

import yaml

from hvs_ros.core.episode import Episode, Episodes, load_episodes
from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.panorama import PanoramaCache
from hvs_ros.core.profile import get_profile
from hvs_ros.core.prompts import PromptPack, load_prompts
from hvs_ros.core.renderer import Renderer
from hvs_ros.core.search import Decision, Observation, SearchSession, Task
from hvs_ros.core.view import View
from hvs_ros.evaluation.config import EvalConfig
from hvs_ros.evaluation.outcomes import OUTCOMES
from hvs_ros.evaluation.reading import read_run
from hvs_ros.evaluation.run_files import write_atomically
from hvs_ros.evaluation.runner import episode_task, view_spec
from hvs_ros.learning.training_data import refuse_benchmark
from hvs_ros.planners.asking import Asking
from hvs_ros.planners.pictures import PNG_MAGIC, picture_of
from hvs_ros.planners.presets import find_preset

PLACEHOLDER = '<image>'
IMAGES, INFO = 'images', 'dataset_info.json'
_MEDIA = re.compile('<(?:image|video|audio)>')
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]*')


class NotTheSameError(InputError):
    """Say why a search cannot be told again as the model saw it."""


@dataclass(frozen=True)
class SftRow:
    """
    Hold one search as a dialogue.

    ``row`` is {system, images, conversations}: one placeholder in the text for each image, in
    order. ``images`` maps their names to the bytes that the model saw.
    """

    id: str
    repeat: int
    row: dict[str, Any]
    images: dict[str, bytes]


@dataclass(frozen=True)
class LeftOut:
    """Name a search that is not among the rows, and why."""

    id: str
    repeat: int
    reason: str


@dataclass
class SftSummary:
    """Count what was written, and hold what was left out."""

    rows: int = 0
    images: int = 0
    left_out: list[LeftOut] = field(default_factory=list)


Result = Union[SftRow, LeftOut]


def sft_rows(
        run: Path | str, *, only: Collection[str] = ('success',),
        episodes: Path | str | None = None, prompts: str | None = None,
        valid_only: bool = False, allow_benchmark: bool = False) -> Iterator[Result]:
    """
    Yield the searches of a run as dialogues, in the order of their ids.

    ``only`` names the outcomes; ``valid_only`` leaves out searches with an invalid answer;
    ``episodes`` says where the dataset lies now, ``prompts`` which pack to word the dialogue with
    where the run's planner had none. Every view is rendered anew and must have the hash in the
    record. Raise ``InputError`` when dataset, prompts or purpose do not fit.
    """
    unknown = sorted(set(only) - set(OUTCOMES))
    if unknown:
        raise InputError(f'unknown outcome {unknown[0]!r}; known are: {", ".join(OUTCOMES)}')
    manifest, records = read_run(run)
    config = EvalConfig.from_dict(manifest['config'])
    dataset = _dataset(run, manifest, config, episodes)
    if not allow_benchmark:
        refuse_benchmark(dataset, 'training on searches of it')
    pack = _prompts(run, manifest, config, prompts)
    try:
        asking = Asking(**manifest.get('planner', {}).get('asking', {}))
    except TypeError as error:
        raise InputError(f'{run}: the planner of its manifest is broken ({error})') from error
    chosen = [record for record in records if record['outcome'] in only]
    return _rows(chosen, _Teller(config, dataset, pack, asking), valid_only)


def _rows(
        records: list[dict[str, Any]], teller: _Teller, valid_only: bool) -> Iterator[Result]:
    for record in records:
        key = record['id'], record['repeat']
        if valid_only and not all(turn['valid'] for turn in record['turns']):
            yield LeftOut(*key, 'it has an invalid answer')
            continue
        try:
            yield SftRow(*key, *teller.tell(record))
        except InputError as error:
            yield LeftOut(*key, str(error))
        except (LookupError, TypeError, ValueError) as error:
            yield LeftOut(*key, f'its line is broken ({type(error).__name__}: {error})')


@dataclass
class _Teller:
    """Tell recorded searches again: the same session, the same views, the same words."""

    config: EvalConfig
    dataset: Episodes
    pack: PromptPack
    asking: Asking

    def __post_init__(self) -> None:
        """Prepare what every search uses."""
        self._renderer = Renderer(view_spec(self.config.view))
        self._panoramas = PanoramaCache()
        self._episodes = {episode.id: episode for episode in self.dataset}

    def tell(self, record: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Return (row, images by name); raise ``InputError`` when the record says otherwise."""
        episode = self._episodes.get(record['id'])
        if episode is None:
            raise NotTheSameError('the dataset holds no such episode')
        if not record['turns']:
            raise NotTheSameError('it has no turns')
        if record['answer_format'] != self.pack.answer_format:
            raise NotTheSameError(
                f'its answers are {record["answer_format"]}, the prompt pack asks for '
                f'{self.pack.answer_format}')
        task = episode_task(episode, record['seed'])
        session = SearchSession(
            task, get_profile(record['profile']), record['answer_format'], self.config.max_turns)
        said: list[dict[str, str]] = []
        images: list[tuple[str, bytes]] = []
        for turn in record['turns']:
            seen = self._seen(episode, session, turn)
            images.append(self._picture(seen, turn))
            said.append({'from': 'human', 'value': self._asked(task, seen)})
            said.append({'from': 'gpt', 'value': _MEDIA.sub('', turn['reply'])})
            after = session.decide(Decision(turn['reply'], turn['not_found'])).pose
            if [after.yaw, after.pitch] != list(turn['gaze_after']):
                raise NotTheSameError(f'turn {turn["index"]} leads to another direction now')
        row = {
            'system': _MEDIA.sub('', self.pack.system_text(task)),
            'images': [name for name, _ in images], 'conversations': said}
        return row, dict(images)

    def _seen(
            self, episode: Episode, session: SearchSession,
            turn: Mapping[str, Any]) -> Observation:
        """Return the observation of a turn, with the view that its record names."""
        panorama = self._panoramas.get(episode.panorama)
        told, measured = (BenchmarkAngles(*turn[name]) for name in ('gaze_told', 'gaze_measured'))
        # A graph's body may have looked beside the goal; its planner was told so.
        for gaze in dict.fromkeys((session.goal, told, measured)):
            view: View = self._renderer.view(panorama, gaze.to_gaze())
            if view.sha256() == turn['image_sha256']:
                return session.observe(view, told, measured)
        raise NotTheSameError(
            f'the view of turn {turn["index"]} does not have the recorded hash '
            f'{turn["image_sha256"][:12]}')

    def _picture(self, seen: Observation, turn: Mapping[str, Any]) -> tuple[str, bytes]:
        """Return (name, bytes) of what the model was shown of the view."""
        picture = picture_of(seen.view, self.asking)
        told = turn.get('image_bytes')
        if told and (told, turn['image_sent']) != (len(picture.content), picture.words):
            raise NotTheSameError(
                f'the picture of turn {turn["index"]} is {picture.words}, {len(picture.content)} '
                f'bytes; the record says {turn["image_sent"]}, {told} bytes')
        suffix = 'png' if picture.content.startswith(PNG_MAGIC) else 'jpg'
        digest = hashlib.sha256(picture.content).hexdigest()
        return f'{IMAGES}/{digest}.{suffix}', picture.content

    def _asked(self, task: Task, seen: Observation) -> str:
        # An instruction may hold a placeholder's text; a row may not.
        safe = replace(task, instruction=_MEDIA.sub('', task.instruction))
        parts = self.pack.turn_parts(
            safe, seen.told, seen.feedback, seen.view.jpeg, seen.turns_left)
        return ''.join(
            PLACEHOLDER if isinstance(part, bytes) else _MEDIA.sub('', part) for part in parts)


def _dataset(
        run: Path | str, manifest: Mapping[str, Any], config: EvalConfig,
        path: Path | str | None) -> Episodes:
    dataset = load_episodes(path or config.episodes, only_ids=config.only_ids)
    wanted = str(manifest['episodes'].get('dataset_sha256'))
    if dataset.dataset_sha256 != wanted:
        raise InputError(
            f'{dataset.root} is not the dataset of {run}: its hash is '
            f'{dataset.dataset_sha256[:12]}, not {wanted[:12]}')
    return dataset


def _prompts(
        run: Path | str, manifest: Mapping[str, Any], config: EvalConfig,
        name: str | None) -> PromptPack:
    """Return the pack that the run was made with, by its hash where the run names one."""
    preset = find_preset(config.planner)
    if name is None and preset is not None:
        name = yaml.safe_load(preset.read_text(encoding='utf-8')).get('prompts')
    pack = load_prompts(name or config.prompts)
    used = manifest.get('prompts', {}).get('pack_sha256')
    if used is not None and used != pack.sha256:
        raise InputError(
            f'{run} was made with the prompt pack {used!s:.12}, and {name or config.prompts} is '
            f'{pack.sha256[:12]}; name the one it was made with as --prompts')
    return pack


def write_sft(out: Path | str, results: Iterator[Result], name: str = 'hvs_sft') -> SftSummary:
    """
    Write rows, images and ``dataset_info.json`` for LLaMA-Factory into a folder.

    Several sets may share a folder; one of the same name is refused. ``<name>.sources.json``
    says which search each row is. Raise ``InputError``.
    """
    folder = Path(out)
    if not _NAME.fullmatch(name):
        raise InputError(f'name must be letters, digits, dots and dashes, not {name!r}')
    file = folder / f'{name}.json'
    if file.exists():
        raise InputError(f'{file} is there already; choose another --name or --out')
    info = _standing_info(folder / INFO)
    summary, rows, sources, names = SftSummary(), [], [], set()
    try:
        (folder / IMAGES).mkdir(parents=True, exist_ok=True)
        for result in results:
            if isinstance(result, LeftOut):
                summary.left_out.append(result)
                continue
            for image, content in result.images.items():
                (folder / image).write_bytes(content)
            names |= set(result.images)
            rows.append(result.row)
            sources.append({'id': result.id, 'repeat': result.repeat})
    except OSError as error:
        raise InputError(f'{error.filename}: cannot be written ({error.strerror})') from error
    summary.rows, summary.images = len(rows), len(names)
    if not rows:
        return summary
    info[name] = dataset_info(file.name)
    write_atomically(folder / f'{name}.sources.json', _json(sources))
    write_atomically(file, _json(rows))
    write_atomically(folder / INFO, _json(info))
    return summary


def dataset_info(file_name: str) -> dict[str, Any]:
    """Return what LLaMA-Factory must know of a file of rows."""
    return {
        'file_name': file_name, 'formatting': 'sharegpt',
        'columns': {'messages': 'conversations', 'images': 'images', 'system': 'system'},
        'tags': {
            'role_tag': 'from', 'content_tag': 'value', 'user_tag': 'human',
            'assistant_tag': 'gpt'}}


def _standing_info(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        info = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise InputError(f'{path}: cannot be read ({error})') from error
    if not isinstance(info, dict):
        raise InputError(f'{path} holds no object')
    return info


def _json(content: Any) -> str:
    # ASCII: replies may hold halves of characters that UTF-8 cannot.
    return json.dumps(content, indent=1) + '\n'
