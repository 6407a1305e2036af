# SPDX-License-Identifier: Apache-2.0
"""Who, what and when: the manifest that stands beside every run's lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
import hashlib
from importlib import metadata
from pathlib import Path
import platform
import subprocess
from typing import Any

from hvs_ros import __version__
from hvs_ros.core.episode import Episode, Episodes
from hvs_ros.core.profile import get_profile
from hvs_ros.evaluation.config import EvalConfig, load_whole, shard_numbers
from hvs_ros.evaluation.groups import group_counts
from hvs_ros.evaluation.hardware import describe_hardware
from hvs_ros.evaluation.run_files import SCHEMA_VERSION, now
from hvs_ros.planners.asking import Asking, Waits
from hvs_ros.planners.base import Planner
from hvs_ros.planners.presets import find_preset
from hvs_ros.planners.registry import PlannerContext, make_planner

PACKAGES = (
    'numpy', 'opencv-python-headless', 'simplejpeg', 'scipy', 'openai', 'onnxruntime', 'rclpy',
    'ros-rclpy', 'torch', 'transformers', 'vllm', 'mujoco', 'ray')


def planner_context(config: EvalConfig) -> PlannerContext:
    """Return what the run's planner is made with."""
    return PlannerContext(
        give_up_after=config.give_up_after, seed=config.seed, episodes=config.episodes,
        prompts=config.prompts, profile=config.profile,
        asking=Asking(history_turns=config.history_turns), wishes=config.asking,
        waits=Waits(**config.waits), allow_remote_images=config.allow_remote_images)


def planner_for(config: EvalConfig) -> Planner:
    """Return the planner of a run."""
    return make_planner(config.planner, context=planner_context(config))


def build_manifest(
        config: EvalConfig, episodes: Episodes, planner: Planner) -> dict[str, Any]:
    """
    Return a new run's manifest.

    The sections that a resumed run must match are ``schema_version``, ``config`` (but for how the
    run is carried out), ``episodes``, ``images``, ``prompts`` and ``shard``. The images are those
    of the whole selection, so that shards can tell whether they belong together.
    """
    whole = episodes if config.shard is None else load_whole(config)
    images = image_hashes(whole)
    return {
        'schema_version': SCHEMA_VERSION,
        'config': config.to_dict(),
        'profile': _profile(config.profile),
        'episodes': {
            'count': len(episodes), 'sha256': _digest(episode.id for episode in episodes),
            'dataset_sha256': episodes.dataset_sha256, 'groups': group_counts(episodes)},
        'images': {
            'count': len(set(images.values())), 'sha256': _digest(sorted(set(images.values())))},
        'shard': None if config.shard is None else {
            'of': shard_numbers(config.shard)[1], 'count': len(whole),
            'sha256': _digest(episode.id for episode in whole)},
        'planner': _planner(planner),
        'prompts': _prompts(config, planner),
        'seeds': {'run': config.seed, 'search': 'sha256(run seed / repeat / episode id)'},
        'git': git_state(Path(__file__).parent),
        'packages': versions(PACKAGES),
        'platform': {
            'python': platform.python_version(), 'system': platform.platform(),
            'machine': platform.machine()},
        'hardware': describe_hardware(),
        'times': {'started': now(), 'finished': None},
    }


def image_hashes(episodes: Iterable[Episode]) -> dict[str, str]:
    """Return the hash of every panorama by its file's name; hashing lets other threads run."""
    files = {episode.panorama.name: episode.panorama for episode in episodes}
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(files, pool.map(lambda file: file.sha256(), files.values()), strict=True))


def git_state(folder: Path) -> dict[str, Any]:
    """Return {commit, dirty} of the checkout the package runs from, Nones when it is installed."""
    unknown = {'commit': None, 'dirty': None}
    # An installed copy may lie inside somebody else's repository: ask whether it is tracked.
    if _git(folder, 'ls-files', '--error-unmatch', Path(__file__).name) is None:
        return unknown
    commit, changes = _git(folder, 'rev-parse', 'HEAD'), _git(folder, 'status', '--porcelain')
    return {'commit': commit, 'dirty': bool(changes)} if commit else unknown


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ['git', *words], cwd=folder, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _profile(name: str) -> dict[str, Any]:
    profile = get_profile(name)
    return {'name': profile.name, 'rule': profile.rule}


def _planner(planner: Planner) -> dict[str, Any]:
    """Return who answers, and how a model is asked where one is."""
    described: dict[str, Any] = {
        'name': planner.name, 'answer_format': planner.answer_format}
    asking: Asking | None = getattr(planner, 'asking', None)
    if asking is not None:
        described |= {
            'asking': asking.to_dict(), 'shortcuts': list(asking.shortcuts),
            'sampling': getattr(planner, 'sampling', {}),
            'prompt_texts_sha256': getattr(
                getattr(planner, 'prompts', None), 'texts_sha256', None)}
    if getattr(planner, 'engine', None):
        described['engine'] = planner.engine  # type: ignore[attr-defined]
    looks_with = getattr(planner, 'looks_with', None)
    if looks_with is not None:
        described['looks_with'] = looks_with
    return described


def _prompts(config: EvalConfig, planner: Planner) -> dict[str, str | None]:
    """Return the hashes of every text that steers the planner, None where it reads none."""
    preset = find_preset(config.planner)
    content = None if preset is None else preset.read_bytes()
    return {
        'pack_sha256': getattr(getattr(planner, 'prompts', None), 'sha256', None),
        'planner_file_sha256': None if content is None else hashlib.sha256(content).hexdigest()}


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Return this package's version and those of the packages that are installed."""
    found = {'hvs_ros': __version__}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _digest(lines: Any) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(f'{line}\n'.encode())
    return digest.hexdigest()
