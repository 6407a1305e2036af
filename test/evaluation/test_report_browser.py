# SPDX-License-Identifier: Apache-2.0
"""The page in a real browser, opened from disk: it is read, searched, steered and printed."""

from __future__ import annotations

from collections.abc import Iterator
import importlib.util
import io
from pathlib import Path
import shutil
from typing import Any

import pytest
from report_fixtures import HOSTILE, talking_run

from hvs_ros.evaluation.config import EvalConfig, ViewConfig
from hvs_ros.evaluation.report import PageOptions, derive
from hvs_ros.evaluation.session import evaluate

playwright = pytest.importorskip('playwright.sync_api', reason='playwright is not installed')
CHROMIUM = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))),
                None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason='no Chromium on this machine')
FLAGS = (
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync')


@pytest.fixture(scope='module')
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield launched
        launched.close()


class Opened:
    """A page opened from disk, with everything that it complained about or asked for."""

    def __init__(self, browser: Any, path: Path, **settings: Any) -> None:
        context = browser.new_context(viewport={'width': 1280, 'height': 900}, **settings)
        self.page = context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.dialogs: list[str] = []
        self.page.on('console', lambda message: self.complaints.append(message.text))
        self.page.on('pageerror', lambda error: self.complaints.append(str(error)))
        self.page.on('request', lambda request: self.requests.append(request.url))
        self.page.on('dialog', lambda dialog: (
            self.dialogs.append(dialog.message), dialog.dismiss()))
        self.page.goto(path.as_uri())

    def shown(self) -> list[str]:
        """Return the ids of the episodes that the filters leave, in their order."""
        return self.page.evaluate(
            "Array.from(document.querySelectorAll('article.card:not([hidden])'), c => c.id)")

    def card(self, number: int) -> Any:
        return self.page.locator(f'article[data-number="{number}"]')

    def fetched(self) -> list[str]:
        """Return what was asked of anything but the disk and the page itself."""
        return [url for url in self.requests if not url.startswith(('file:', 'data:'))]


@pytest.fixture(scope='module')
def sweep_run(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp('sweep') / 'run'
    config = EvalConfig(str(dataset), 'sweep', view=ViewConfig(320, 180), max_turns=6)
    assert evaluate(config, run, stream=io.StringIO(), bar=False) == 0
    return run


@pytest.fixture
def opened(browser: Any, sweep_run: Path) -> Iterator[Opened]:
    opened = Opened(browser, sweep_run / 'report.html')
    yield opened
    assert opened.complaints == [] and opened.fetched() == [] and opened.dialogs == []
    opened.page.context.close()


def test_episodes_are_decoded_when_somebody_scrolls_to_them(opened: Opened) -> None:
    assert opened.page.locator('article').count() == 25
    assert opened.page.locator('article img').count() < 15 * 7
    last = opened.card(24)
    assert last.locator('img').count() == 0
    last.scroll_into_view_if_needed()
    last.locator('.strip img').first.wait_for()
    widths = last.locator('img').evaluate_all(
        'images => Promise.all(images.map(i => i.decode().then(() => i.naturalWidth)))')
    assert widths[:-1] == [320] * (len(widths) - 1) and widths[-1] == 800
    assert last.locator('svg .annotated').count() >= 1 and last.locator('svg .mark').count() >= 1


def test_the_curve_and_the_tables_are_drawn(opened: Opened) -> None:
    box = opened.page.locator('svg.curve').bounding_box()
    assert box['width'] > 300 and box['height'] > 120
    assert opened.page.locator('svg.curve .dot.s0').count() == 6
    assert opened.page.locator('#benchmark tbody tr').count() == 8
    assert opened.page.evaluate(
        'document.documentElement.scrollWidth <= document.documentElement.clientWidth')


@pytest.mark.parametrize('width', [360, 768, 1920])
def test_no_size_of_window_makes_the_page_scroll_sideways(
        browser: Any, sweep_run: Path, width: int) -> None:
    opened = Opened(browser, sweep_run / 'report.html')
    opened.page.set_viewport_size({'width': width, 'height': 800})
    assert opened.page.evaluate('document.documentElement.scrollWidth') <= width
    opened.page.context.close()


def test_episodes_are_filtered_and_found(opened: Opened) -> None:
    page = opened.page
    everything = opened.shown()
    page.get_by_label('Search episodes').fill('upstairs')
    assert 0 < len(opened.shown()) < 5 and all('hps/hall/1' in name for name in opened.shown())
    assert page.locator('#shown').inner_text() == f'{len(opened.shown())} of 25 episodes'
    page.get_by_label('Search episodes').fill('HOS/WIDE')
    assert {name.split('/')[1] for name in opened.shown()} == {'wide'}
    page.locator('button[type=reset]').click()
    page.wait_for_function("document.querySelectorAll('article.card[hidden]').length === 0")
    page.get_by_label('Split').select_option('hps')
    assert {name.split('/')[0] for name in opened.shown()} == {'hps'}
    page.get_by_label('Level').select_option('extreme')
    assert len(opened.shown()) == 1
    page.keyboard.press('Escape')
    page.keyboard.press('x')
    assert opened.shown() == everything
    for box in page.locator('input[name=outcome]').all():
        if box.get_attribute('value') != 'success':
            box.uncheck()
    outcomes = page.evaluate(
        "Array.from(document.querySelectorAll('article.card:not([hidden])'),"
        ' c => c.dataset.outcome)')
    assert outcomes and set(outcomes) == {'success'}
    page.get_by_label('Order').select_option('off')
    offs = page.evaluate(
        "Array.from(document.querySelectorAll('article.card'), c => Number(c.dataset.off))")
    assert offs == sorted(offs, reverse=True)


def test_transcripts_are_searched_when_asked(opened: Opened) -> None:
    page = opened.page
    page.get_by_label('Search episodes').fill('rotate(90,0)')
    assert opened.shown() == []
    page.get_by_label('in transcripts').check()
    assert len(opened.shown()) > 10


def test_the_keyboard_is_enough(opened: Opened) -> None:
    page = opened.page
    names = opened.shown()

    def focused() -> str:
        return page.evaluate('document.activeElement.id')

    page.locator('#episodes').focus()
    page.locator('#cards').evaluate('list => list.scrollIntoView()')
    page.keyboard.press('j')
    first = focused()
    assert first in names
    page.keyboard.press('j')
    assert focused() == names[names.index(first) + 1]
    page.keyboard.press('k')
    assert focused() == first
    page.keyboard.press('t')
    assert page.evaluate("document.activeElement.querySelector('.transcript').open")
    page.keyboard.press('/')
    assert page.evaluate("document.activeElement.name === 'words'")
    page.keyboard.type('jkx')
    assert page.get_by_label('Search episodes').input_value() == 'jkx'


def test_a_link_to_an_episode_shows_it_even_when_it_was_filtered_out(
        browser: Any, sweep_run: Path) -> None:
    opened = Opened(browser, sweep_run / 'report.html')
    page = opened.page
    link = page.locator('ol.list a').first
    name = link.get_attribute('href')[1:]
    page.get_by_label('Search episodes').fill('nothing is called so')
    assert opened.shown() == []
    link.click()
    page.wait_for_function('name => document.activeElement.id === decodeURIComponent(name)',
                           arg=name)
    page.locator('article:focus .strip img').first.wait_for()
    page.context.close()


def test_a_hostile_model_moves_nothing(
        browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = talking_run(tmp_path, monkeypatch)
    opened = Opened(browser, run / 'report.html')
    card = opened.card(1)
    card.scroll_into_view_if_needed()
    card.locator('details.transcript > summary').click()
    card.locator('.turn details summary').first.click()
    verbatim = card.locator('pre').first.text_content()
    expected = HOSTILE.replace('\x00', '\u2400').replace('\x1b', '\u241b')
    assert expected.replace('\ud800', '') in verbatim.replace('\ud800', '').replace('\ufffd', '')
    assert opened.page.locator('article script, article iframe, article b.foreign b').count() == 0
    assert opened.page.evaluate('document.scripts.length') == 1 + opened.page.locator(
        'script[type="application/json"]').count()
    assert opened.dialogs == [] and opened.complaints == [] and opened.fetched() == []
    opened.page.context.close()


def test_injected_script_would_not_run_anyway(browser: Any, sweep_run: Path) -> None:
    """The policy is the second wall: what would slip through the first is not run."""
    opened = Opened(browser, sweep_run / 'report.html')
    opened.page.evaluate("""() => {
        const script = document.createElement('script');
        script.textContent = 'window.hacked = 1';
        document.body.append(script);
        const image = document.createElement('img');
        image.setAttribute('onerror', 'window.hacked = 1');
        image.src = 'http://127.0.0.1:9/x.png';
        document.body.append(image);
    }""")
    opened.page.wait_for_timeout(300)
    assert opened.page.evaluate('window.hacked') is None
    assert opened.fetched() == [] or all('127.0.0.1' in url for url in opened.fetched())
    assert any('Content Security Policy' in text for text in opened.complaints)
    opened.page.context.close()


def test_assets_beside_the_page_are_found(
        browser: Any, sweep_run: Path, tmp_path: Path) -> None:
    shutil.copytree(sweep_run, tmp_path / 'a run')
    derive(tmp_path / 'a run', PageOptions(assets=tmp_path / 'a run/files & so'))
    opened = Opened(browser, tmp_path / 'a run/report.html')
    card = opened.card(24)
    card.scroll_into_view_if_needed()
    card.locator('.strip img').first.wait_for()
    widths = card.locator('img').evaluate_all(
        'images => Promise.all(images.map(i => i.decode().then(() => i.naturalWidth)))')
    assert widths[-1] == 800 and set(widths[:-1]) == {320}
    assert opened.complaints == [] and opened.fetched() == []
    opened.page.context.close()


@pytest.fixture(scope='module')
def large_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4000 episodes in the benchmark's layout, their panoramas small."""
    spec = importlib.util.spec_from_file_location(
        'report_page', Path(__file__).resolve().parents[2] / 'bench/report_page.py')
    assert spec is not None and spec.loader is not None
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    folder = tmp_path_factory.mktemp('large')
    bench.make_dataset(folder / 'data', 20, 256, 4000)
    bench.make_run(folder / 'data', folder / 'run', 4000)
    derive(folder / 'run')
    return folder / 'run'


def test_4000_episodes_are_listed_and_none_is_decoded_before_it_is_looked_at(
        browser: Any, large_run: Path) -> None:
    path = large_run / 'report.html'
    assert path.stat().st_size < 60_000_000
    markup = path.read_text(encoding='utf-8').partition('<script type="application/json"')[0]
    assert '<img' not in markup and len(markup) < 5_000_000
    opened = Opened(browser, path)
    page = opened.page
    assert page.locator('article').count() == 4000
    told = page.locator('article[data-told]').count()
    assert told == 500 == page.locator('script[id^="story-"]').count()
    assert page.locator('#coverage').inner_text().startswith('500 of 4000 episodes are told in')
    assert page.locator('article img').count() < 200
    page.get_by_label('Search episodes').fill('the 3th box')
    assert 0 < len(opened.shown()) < 200
    page.get_by_label('told in full').check()
    assert 0 < len(opened.shown()) < 60
    assert opened.complaints == [] and opened.fetched() == []
    page.context.close()


def test_a_page_in_paper_is_white_and_has_its_pictures(browser: Any, sweep_run: Path) -> None:
    opened = Opened(browser, sweep_run / 'report.html', color_scheme='dark')
    page = opened.page
    assert page.evaluate('getComputedStyle(document.body).backgroundColor') == 'rgb(17, 22, 28)'
    content = page.pdf()
    assert content.startswith(b'%PDF') and len(content) > 100_000
    page.emulate_media(media='print')
    assert page.evaluate('getComputedStyle(document.body).backgroundColor') == 'rgb(255, 255, 255)'
    assert page.locator('#filters').is_hidden()
    page.context.close()


def test_without_scripts_the_tables_and_the_list_are_there(browser: Any, sweep_run: Path) -> None:
    opened = Opened(browser, sweep_run / 'report.html', java_script_enabled=False)
    assert opened.page.locator('article').count() == 25
    assert opened.page.locator('noscript').count() == 1
    assert opened.page.locator('svg.curve').bounding_box()['height'] > 120
    opened.page.context.close()
