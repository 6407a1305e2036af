# SPDX-License-Identifier: Apache-2.0
"""Seeds of an environment as rows for reinforcement learning, in the published trainer's form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import os
from pathlib import Path
from typing import Any

from hvs_ros.core.actions import ANSWER_FORMATS
from hvs_ros.core.episode import Episode, Episodes, load_episodes
from hvs_ros.core.errors import InputError
from hvs_ros.learning.training_data import refuse_benchmark

ENVIRONMENT = 'hstar'
SPLITS = ('train', 'test')
# What the published training sets; the rest of the keys keep the environment's defaults.
DEFAULTS: dict[str, Any] = {
    'render_mode': 'vision', 'prompt_format': 'free_think', 'use_state_reward': False,
    'traj_success_reward': 0.5, 'traj_fail_penalty': 0, 'format_reward': 0.5, 'resolution': 720}
KEYS = (
    *DEFAULTS, 'data_path', 'eval_set', 'seed', 'max_actions_per_step', 'effective_reward_weight',
    'ineffective_penalty_weight', 'yaw_tolerance', 'pitch_tolerance', 'max_action_penalty',
    'step_tolerance', 'image_placeholder', 'special_token_list', 'action_sep',
    'grounding_reward_weight', 'worldmodeling_reward_weight')


def rl_rows(
        dataset: Path | str, *, split: str = 'train', count: int | None = None,
        config: Mapping[str, Any] | None = None, data_path: str | None = None,
        allow_benchmark: bool = False) -> list[dict[str, Any]]:
    """
    Return one row for each seed 0..N-1 of every folder of scenes in the dataset.

    ``count`` limits N for each folder, ``config`` overrides keys of ``env_config``, ``data_path``
    says where the trainer's environment finds the one folder. Rows for training are refused for
    what counts as a benchmark. Raise ``InputError``.
    """
    if split not in SPLITS:
        raise InputError(f'split must be train or test, not {split!r}')
    if count is not None and count < 1:
        raise InputError(f'count must be at least 1, not {count}')
    chosen = _checked(config or {})
    episodes = load_episodes(dataset)
    if split == 'train' and not allow_benchmark:
        refuse_benchmark(episodes, 'training on it')
    sizes = _folders(episodes)
    if data_path is not None and len(sizes) > 1:
        raise InputError(
            f'{dataset} holds {len(sizes)} folders of scenes and --data-path names one; export '
            'them one by one')
    return list(_rows(sizes, split, count, chosen, data_path))


def _rows(
        sizes: Mapping[str, int], split: str, count: int | None, config: Mapping[str, Any],
        data_path: str | None) -> Iterator[dict[str, Any]]:
    for folder, size in sizes.items():
        env_config = {'data_path': data_path or folder, **config}
        for seed in range(size if count is None else min(size, count)):
            yield {
                'data_source': ENVIRONMENT, 'prompt': [{'role': 'user', 'content': ''}],
                'extra_info': {
                    'split': split, 'env_name': ENVIRONMENT, 'env_config': dict(env_config),
                    'seed': seed}}


def _folders(episodes: Episodes) -> dict[str, int]:
    """Return the number of episodes in each folder of scenes, by its absolute path."""
    sizes: dict[str, int] = {}
    for episode in episodes:
        folder = _folder(episode)
        sizes[folder] = sizes.get(folder, 0) + 1
    return sizes


def _folder(episode: Episode) -> str:
    file = episode.panorama
    if file.member is not None:
        raise InputError(f'{file.source} is a zip, and the published trainer reads folders only; '
                         'unpack it')
    return os.path.abspath(file.source.parent.parent)


def _checked(config: Mapping[str, Any]) -> dict[str, Any]:
    for key in config:
        if key not in KEYS or key == 'data_path':
            known = ', '.join(sorted(set(KEYS) - {'data_path'}))
            raise InputError(f'{key!r} is no key of env_config; known are: {known}')
    merged = {**DEFAULTS, **config}
    if merged['prompt_format'] not in ANSWER_FORMATS:
        raise InputError(f"'prompt_format' must be one of {', '.join(ANSWER_FORMATS)}, "
                         f"not {merged['prompt_format']!r}")
    return merged


def write_rl(path: Path | str, rows: list[dict[str, Any]]) -> None:
    """Write the rows as parquet; raise ``InputError``. Needs the extra [train]."""
    import pyarrow
    from pyarrow import parquet
    target = Path(path)
    try:
        table = pyarrow.Table.from_pylist(rows)
        target.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(table, target)
    except pyarrow.ArrowInvalid as error:
        raise InputError(f'{target}: env_config holds what parquet cannot ({error})') from error
    except OSError as error:
        raise InputError(f'{target}: cannot be written ({error.strerror or error})') from error
