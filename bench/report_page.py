# SPDX-License-Identifier: Apache-2.0
"""
Time the report of a run of the benchmark's size: making the page, and opening it in Chromium.

    python bench/report_page.py                        # 240 panoramas of 2048x1024, 4000 episodes
    python bench/report_page.py --width 7680 --keep /tmp/report_bench

Prints seconds, peak memory and size of each page, and the milliseconds until a browser has loaded
it, until its first film strip stands, and that a search through all episodes takes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import json
from multiprocessing import get_context
import os
from pathlib import Path
import random
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np

from hvs_ros.bench.pictures import draw_panorama
from hvs_ros.core.actions import Submit
from hvs_ros.core.episode import Episode, load_episodes
from hvs_ros.core.gaze import Gaze
from hvs_ros.core.messages import result_line, turn_line
from hvs_ros.core.profile import get_profile
from hvs_ros.core.renderer import encode_jpeg
from hvs_ros.core.search import Decision, SearchSession, Task
from hvs_ros.core.view import View
from hvs_ros.evaluation.config import EvalConfig
from hvs_ros.evaluation.manifest import build_manifest, planner_for
from hvs_ros.evaluation.outcomes import episode_record

PICTURES, STARTS = 12, [0, 90, 180, 270]
WORDS = (
    'the a sign door window left right above behind corridor shelf counter people I see turn '
    'toward where might be red blue exit gate target view now looking further it looks like')
TURNS, WORDS_A_TURN, CENTRING = 5, 90, 0.95
FLAGS = (
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync')
PAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ('usual', ()), ('all in the page', ('--embed', '100000')), ('assets', ('--assets', 'ASSETS')),
    ('no images', ('--no-images',)))

SEARCH = """() => {
    const begin = performance.now(), box = document.querySelector('[name=words]');
    box.value = '17th box';
    box.dispatchEvent(new Event('input', {bubbles: true}));
    document.body.offsetHeight;
    return performance.now() - begin;
}"""


def main() -> None:
    """Make the run, then each page, and open it."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0])
    parser.add_argument('--width', type=int, default=2048, help='of a panorama, pixels')
    parser.add_argument('--scenes', type=int, default=240)
    parser.add_argument('--episodes', type=int, default=4000)
    parser.add_argument('--only', metavar='PAGE', help='usual, assets, …; all when left out')
    parser.add_argument('--keep', type=Path, help='folder that is kept, and used again')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        run = folder / 'run'
        if not (run / 'run.json').exists():
            # In a process of its own: a child's peak memory begins at that of its parent.
            making = get_context('spawn').Process(
                target=make, args=(folder, args.scenes, args.width, args.episodes))
            making.start()
            making.join()
            if making.exitcode:
                raise SystemExit('the run to report about could not be made')
        for name, words in PAGES:
            if args.only not in (None, name):
                continue
            page = folder / f'{name.replace(" ", "_")}.html'
            given = [str(folder / 'assets') if word == 'ASSETS' else word for word in words]
            made = timed([
                sys.executable, '-m', 'hvs_ros.cli.main', 'report', str(run), '--out', str(page),
                *given])
            opened = open_page(page)
            print(json.dumps({'page': name, **made, 'megabytes': page.stat().st_size / 1e6,
                              **opened}))


def make(folder: Path, scenes: int, width: int, episodes: int) -> None:
    """Make a dataset and a run of it."""
    make_dataset(folder / 'data', scenes, width, episodes)
    make_run(folder / 'data', folder / 'run', episodes)


def make_dataset(root: Path, scenes: int, width: int, episodes: int) -> None:
    """Write scenes in the benchmark's layout, three object searches to two path searches."""
    drawn = [draw_panorama(width, width // 2, seed) for seed in range(PICTURES)]
    items = -(-episodes // (len(STARTS) * scenes))
    random_yaw = random.Random(1)
    for number in range(scenes):
        is_path = number % 5 >= 3
        scene = root / ('hps' if is_path else 'hos') / f'scene_{number:03}'
        scene.mkdir(parents=True)
        picture = np.roll(drawn[number % PICTURES], 37 * number, axis=1)
        (scene / 'pano_0.jpg').write_bytes(encode_jpeg(picture, 88))
        listed = []
        for place in range(items):
            low = random_yaw.uniform(0, 300)
            listed.append({
                'task': f'Find the {place}th box of scene {number}', 'yaw': [low, low + 15],
                'initial yaw': STARTS, 'level': [place % 3] * len(STARTS),
                **({} if is_path else {'pitch': [-10.0, 10.0]})})
        (scene / 'annotation.json').write_text(json.dumps(listed), encoding='utf-8')


def make_run(data: Path, run: Path, count: int) -> None:
    """Write the lines of searches that talk at length, a third of them successful."""
    config = EvalConfig(str(data), 'sweep', limit=count)
    episodes = load_episodes(data, limit=count)
    manifest = build_manifest(config, episodes, planner_for(config))
    manifest['times'] = {'started': '2026-01-01T00:00:00+00:00', 'finished': None}
    run.mkdir(parents=True, exist_ok=True)
    with (run / 'episodes.jsonl').open('w') as stream:
        for number, episode in enumerate(episodes):
            stream.write(json.dumps(search(episode, random.Random(number))) + '\n')
    (run / 'run.json').write_text(json.dumps(manifest))


def search(episode: Episode, draw: random.Random) -> dict[str, Any]:
    """Return the line of one scripted search."""
    kind = 'object' if episode.split == 'hos' else 'path'
    task = Task(episode.id, kind, episode.instruction, episode.start)  # type: ignore[arg-type]
    session = SearchSession(task, get_profile('published-2026'))
    centre = episode.target.centre
    answer = Submit(round(centre.yaw), round(centre.pitch)) if draw.random() < 0.35 else Submit(
        draw.randrange(360), 0)
    for reply in replies(answer, episode.start.yaw, draw):
        session.observe(View(b'', Gaze(0.0, 0.0), 4, 2, 1.0))
        session.decide(Decision(reply, latency_s=draw.uniform(0.5, 3)))
    assert session.result is not None
    return episode_record(
        episode, 0, [turn_line(task, turn) for turn in session.turns],
        result_line(task, 'published-2026', session.result), seed=0, wall_s=5.0)


def replies(answer: Submit, start_yaw: float, draw: random.Random) -> Iterator[str]:
    """Yield a search's replies: some turns, the last mostly to where it then answers."""
    yaw, pitch = start_yaw, 0.0
    for turn in range(TURNS):
        thought = ' '.join(draw.choices(WORDS.split(), k=WORDS_A_TURN))
        step = draw.randrange(-120, 120), draw.randrange(-15, 15)
        if turn == TURNS - 2 and draw.random() < CENTRING:
            step = round(answer.yaw - yaw) % 360, round(answer.pitch - pitch)
        action = f'rotate({step[0]},{step[1]})'
        yaw, pitch = yaw + step[0], max(-90.0, min(90.0, pitch + step[1]))
        if turn == TURNS - 1:
            action = f'submit({answer.yaw},{answer.pitch})'
        yield f'<think>{thought}</think><answer>{action}</answer>'


def timed(command: list[str]) -> dict[str, float]:
    """Run a command; return its wall-clock seconds and its peak memory in MB."""
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f'{" ".join(command)} failed')
    return {'made_s': round(time.monotonic() - begin, 1), 'cpu_s': round(
        usage.ru_utime + usage.ru_stime, 1), 'peak_mb': round(usage.ru_maxrss / 1e3)}


def open_page(path: Path) -> dict[str, Any]:
    """Return how long Chromium takes over the page, nothing where there is none."""
    browser = shutil.which('chromium') or shutil.which('google-chrome')
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return {}
    if browser is None:
        return {}
    with sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=browser, args=list(FLAGS))
        page = launched.new_page(viewport={'width': 1280, 'height': 900})
        begin = time.monotonic()
        page.goto(path.as_uri())
        loaded = time.monotonic() - begin
        page.evaluate("document.querySelector('#cards').scrollIntoView()")
        told = page.locator('article[data-told] .body > *').first
        told.wait_for(state='attached', timeout=20_000)
        strip = time.monotonic() - begin
        searched = page.evaluate(SEARCH)
        launched.close()
    return {'loaded_ms': round(1000 * loaded), 'first_episode_ms': round(1000 * strip),
            'filter_ms': round(searched)}


if __name__ == '__main__':
    main()
