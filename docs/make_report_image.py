# SPDX-License-Identifier: Apache-2.0
"""
Draw docs/images/report.jpg: parts of the page of a run of the built-in planner, in Chromium.

    python docs/make_report_image.py             # needs playwright and an installed Chromium
"""

from __future__ import annotations

import io
from pathlib import Path
import shutil
import tempfile

import cv2
import numpy as np
from playwright.sync_api import Page, sync_playwright

from hvs_ros.core.share import share_path
from hvs_ros.evaluation.config import EvalConfig
from hvs_ros.evaluation.session import evaluate

TARGET = Path(__file__).parent / 'images' / 'report.jpg'
WIDTH, SHOWN_WIDTH = 1240, 1000
EPISODE = 4


def main() -> None:
    """Run the planner, open the page, keep its top, its curve and one episode."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, 'builtin')
        evaluate(
            EvalConfig(str(share_path('sim/episodes')), planner='builtin'), run,
            stream=io.StringIO(), bar=False)
        with sync_playwright() as driver:
            browser = driver.chromium.launch(
                executable_path=shutil.which('chromium'), args=['--no-sandbox', '--disable-gpu'])
            page = browser.new_page(viewport={'width': WIDTH, 'height': 900})
            page.goto((run / 'report.html').as_uri())
            parts = [decoded(part) for part in shots(page)]
            browser.close()
    picture = np.vstack(parts)
    height = round(picture.shape[0] * SHOWN_WIDTH / WIDTH)
    small = cv2.resize(picture, (SHOWN_WIDTH, height), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(TARGET), small, [cv2.IMWRITE_JPEG_QUALITY, 78])
    print(f'{TARGET}: {TARGET.stat().st_size // 1000} kB')


def shots(page: Page) -> list[bytes]:
    """Return pictures of the page's parts, as PNG of one width."""
    card = page.locator(f'article[data-number="{EPISODE}"]')
    card.scroll_into_view_if_needed()
    card.locator('.strip img').first.wait_for()
    page.wait_for_timeout(500)
    found = []
    for first, last in (('h1', '#benchmark'), ('.columns', '.columns'),
                        (f'article[data-number="{EPISODE}"]',) * 2):
        top = page.locator(first).first.bounding_box()
        end = page.locator(last).first.bounding_box()
        assert top is not None and end is not None
        offset = page.evaluate('window.scrollY')
        low = end['y'] + end['height']
        found.append(page.screenshot(full_page=True, clip={
            'x': 0, 'y': top['y'] + offset - 4, 'width': WIDTH,
            'height': low - top['y'] + 8}))
    return found


def decoded(png: bytes) -> np.ndarray:
    """Return a picture's pixels."""
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)


if __name__ == '__main__':
    main()
