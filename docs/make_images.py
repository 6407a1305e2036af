# SPDX-License-Identifier: Apache-2.0
"""
Draw docs/images/search.jpg: one real search, its views and its path on the panorama.

    python docs/make_images.py [EPISODE_ID]           # or: make images

Without an id it is the longest successful object search of the built-in planner that fits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import io
import math
from pathlib import Path
import sys
import tempfile
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hvs_ros.core.episode import Episode, load_episodes
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.panorama import load_panorama
from hvs_ros.core.renderer import Renderer, ViewSpec
from hvs_ros.core.share import share_path
from hvs_ros.evaluation.config import EvalConfig
from hvs_ros.evaluation.figures import action_words, gaze_path
from hvs_ros.evaluation.run_files import read_records
from hvs_ros.evaluation.session import evaluate

TARGET = Path(__file__).parent / 'images' / 'search.jpg'
WIDTH, GAP, CAPTION = 1200, 8, 34
MOST_VIEWS = 5
LATITUDES = (62, -62)  # of the panorama shown, degrees
PATH, GOAL, INK = (255, 176, 0), (40, 200, 60), (30, 30, 30)
Record = Mapping[str, Any]


def main() -> None:
    """Run the planner, choose a search, draw it."""
    root = share_path('sim/episodes')
    wanted = tuple(sys.argv[1:]) or None
    with tempfile.TemporaryDirectory() as folder:
        evaluate(
            EvalConfig(str(root), planner='builtin', only_ids=wanted), Path(folder, 'run'),
            stream=io.StringIO(), graph=None, bar=False)
        record = choose(list(read_records(Path(folder, 'run'))))
    episode = next(episode for episode in load_episodes(root) if episode.id == record['id'])
    picture = compose(episode, record)
    picture.save(TARGET, quality=84, optimize=True)
    print(f'{TARGET}: {record["id"]}, {TARGET.stat().st_size // 1000} kB')


def choose(records: Sequence[Record]) -> Record:
    """Return the longest success whose views fit beside each other."""
    fitting = [
        record for record in records
        if record['outcome'] == 'success' and len(record['turns']) <= MOST_VIEWS]
    return max(fitting, key=lambda record: (record['split'] == 'hos', len(record['turns'])))


def compose(episode: Episode, record: Record) -> Image.Image:
    """Return instruction, film strip and gaze path as one picture."""
    panorama = load_panorama(episode.panorama).image
    strip = _strip(panorama, record['turns'])
    path = _path(panorama, record)
    height = CAPTION + strip.height + GAP + path.height
    picture = Image.new('RGB', (WIDTH, height), 'white')
    ImageDraw.Draw(picture).text(
        (2, 4), f'“{record["instruction"]}”', fill=INK, font=_font(22))
    picture.paste(strip, (0, CAPTION))
    picture.paste(path, (0, CAPTION + strip.height + GAP))
    return picture


def _strip(panorama: np.ndarray, turns: Sequence[Mapping[str, Any]]) -> Image.Image:
    wide = (WIDTH - GAP * (len(turns) - 1)) // len(turns)
    high = round(wide * 9 / 16)
    renderer = Renderer(ViewSpec(2 * wide, 2 * high, math.radians(100), reticle=False))
    strip = Image.new('RGB', (WIDTH, high + CAPTION), 'white')
    draw = ImageDraw.Draw(strip)
    for place, turn in enumerate(turns):
        view = renderer.render(panorama, BenchmarkAngles(*turn['gaze_measured']).to_gaze())
        small = cv2.resize(view, (wide, high), interpolation=cv2.INTER_AREA)
        left = place * (wide + GAP)
        strip.paste(_to_image(small), (left, 0))
        draw.text((left + 2, high + 5), f'{place + 1}  {action_words(turn["action"])}',
                  fill=INK, font=_font(17))
    return strip


def _path(panorama: np.ndarray, record: Record) -> Image.Image:
    scale = WIDTH / 360
    whole = cv2.resize(panorama, (WIDTH, WIDTH // 2), interpolation=cv2.INTER_AREA)
    image = _to_image(whole)
    draw = ImageDraw.Draw(image)
    drawn = gaze_path(record)
    for box in drawn['windows']:
        if box['name'] == 'annotated':
            draw.rectangle(
                [scale * box['x'], scale * box['y'], scale * (box['x'] + box['width']),
                 scale * (box['y'] + box['height'])], outline=GOAL, width=4)
    for line in drawn['lines']:
        draw.line([scale * line[key] for key in ('x1', 'y1', 'x2', 'y2')], fill=PATH, width=4)
    for mark in drawn['marks']:
        x, y = scale * mark['x'], scale * mark['y']
        draw.ellipse([x - 14, y - 14, x + 14, y + 14], fill=PATH, outline='white', width=2)
        draw.text((x, y), str(mark['label']), fill=INK, font=_font(18), anchor='mm')
    top, bottom = (round(scale * (90 - latitude)) for latitude in LATITUDES)
    return image.crop((0, top, WIDTH, bottom))


def _to_image(bgr: np.ndarray) -> Image.Image:
    return Image.fromarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


if __name__ == '__main__':
    main()
