# SPDX-License-Identifier: Apache-2.0
"""A run in other forms: each can be read by what it is made for, none hides what is missing."""

from __future__ import annotations

import csv
from dataclasses import replace
import hashlib
import io
import json
from pathlib import Path
import re
import shutil
import subprocess
import zipfile

from evaluation_fixtures import hvs
from hypothesis import given
from hypothesis import strategies as st
import pytest
from record_fixtures import ACROSS_ZERO, PLAIN, record, say

from hvs_ros.core.errors import InputError
from hvs_ros.core.prompts import load_prompts
from hvs_ros.evaluation import published_results
from hvs_ros.evaluation.benchmark_table import COLUMNS, Cell, benchmark_rows
from hvs_ros.evaluation.config import EvalConfig
from hvs_ros.evaluation.formats import latex as latex_form
from hvs_ros.evaluation.formats.harness import harness, steps, write_counts
from hvs_ros.evaluation.formats.latex import escaped, latex
from hvs_ros.evaluation.formats.markdown import escaped as shown
from hvs_ros.evaluation.formats.markdown import markdown
from hvs_ros.evaluation.formats.spreadsheet import as_text, spreadsheet
from hvs_ros.evaluation.formats.submission import write_submission
from hvs_ros.evaluation.groups import BENCHMARK
from hvs_ros.evaluation.published_results import ROWS, Protocol, protocol_of
from hvs_ros.evaluation.results import IncompleteError, Results

HIT, MISS = say('submit(110,5)'), say('submit(0,0)')
TURN = say('rotate(10,0)')
ODD_NAME = r'a_b\c{d}$e&f#g%h~i^j<k>|"l" [m] *n* `o` – é \u2028 | |'


def run_of(folder: Path, records: list[dict], lacking: int = 0, **changes: object) -> Path:
    """Write a run folder that holds the records."""
    run = folder / 'run'
    run.mkdir()
    config = EvalConfig('data', **changes).to_dict()  # type: ignore[arg-type]
    (run / 'run.json').write_text(json.dumps({
        'schema_version': 1, 'config': config,
        'episodes': {'count': len(records) + lacking, 'dataset_sha256': 'd' * 64},
        'times': {'started': '2026-01-01T00:00:00+00:00', 'finished': None}}))
    (run / 'episodes.jsonl').write_text(''.join(json.dumps(line) + '\n' for line in records))
    return run


@pytest.fixture
def whole(tmp_path: Path) -> Results:
    """Five searches: levels 0, 1, 1, 2 and none; three found, after 1, 2 and 1 turns."""
    return Results.of(run_of(tmp_path, [
        record(PLAIN, HIT, number=0, level=0), record(PLAIN, TURN, HIT, number=1, level=1),
        record(PLAIN, MISS, number=2, level=1, scene='b'),
        record(PLAIN, *[TURN] * 10, number=3, level=2, scene='b'),
        record(PLAIN, HIT, number=4, level=None, scene='c')]))


@pytest.fixture
def broken_off(tmp_path: Path) -> Results:
    return Results.of(run_of(tmp_path, [
        record(PLAIN, HIT, number=0, level=0), record(PLAIN, MISS, number=1, level=1),
        record(PLAIN, end='error', number=2, level=0)], lacking=1))


@pytest.mark.parametrize('form', ['latex', 'csv', 'harness', 'submission'])
def test_an_unfinished_run_has_no_headline(broken_off: Results, form: str) -> None:
    done = hvs('report', broken_off.folder, '--format', form)
    assert done.returncode == 2 and done.stdout == ''
    assert '2/4 episodes scored (1 error)' in done.stderr and '--allow-incomplete' in done.stderr
    assert done.stderr.count('\n') == 1
    allowed = hvs('report', broken_off.folder, '--format', form, '--allow-incomplete')
    assert allowed.returncode == 0, allowed.stderr


def test_what_is_let_through_unfinished_says_so_and_has_bounds(broken_off: Results) -> None:
    assert 'incomplete, 33.3--66.7' in latex(broken_off, True)
    assert 'incomplete: 2/4 episodes scored' in latex(broken_off, True)
    rows = list(csv.DictReader(io.StringIO(spreadsheet(broken_off, True))))
    overall = rows[0]
    assert overall['status'] == 'incomplete' and overall['success'] == ''
    assert (overall['bound_low'], overall['bound_high']) == ('0.25', '0.75')
    assert (overall['scored'], overall['total']) == ('2', '4')
    finished = next(row for row in rows if row['name'] == 'hos/medium')
    assert (finished['status'], finished['success']) == ('complete', '0.0')
    assert harness(broken_off, True).startswith('incomplete: 2/4 scored')
    assert 'incomplete, 33.3–66.7' in markdown(broken_off)


def test_csv_loads_and_says_what_metrics_say(whole: Results) -> None:
    rows = list(csv.DictReader(io.StringIO(spreadsheet(whole))))
    assert all(None not in row and None not in row.values() for row in rows)
    overall = rows[0]
    rate = whole.driving['overall']['success']
    assert float(overall['success']) == rate['value'] == 0.6
    assert float(overall['low']) == rate['low'] and float(overall['high']) == rate['high']
    assert {row['group'] for row in rows} == {'overall', 'by_split', 'by_level', 'by_scene'}
    levels = [row for row in rows if row['group'] == 'by_level']
    assert sum(int(row['total']) for row in levels) == 5


@pytest.mark.parametrize('text', ['=1+1', '+1', '-1', '@SUM(A1)'])
def test_no_cell_of_text_is_a_formula(text: str) -> None:
    assert as_text(text) == f"'{text}"
    assert as_text(f'a{text}') == f'a{text}'


def test_latex_has_every_column_in_every_row(whole: Results) -> None:
    table = latex(whole).partition(r'\midrule')[2].partition(r'\bottomrule')[0]
    rows = [line for line in table.splitlines() if line.endswith(r'\\')]
    assert rows
    for row in rows:
        if 'multicolumn{10}' not in row:
            assert len(re.findall(r'(?<!\\)&', row)) == len(COLUMNS), row
    assert r'60.0' in latex(whole) and 'not the same protocol' in latex(whole)


@pytest.mark.skipif(shutil.which('pdflatex') is None, reason='no pdflatex on this machine')
def test_latex_compiles_whatever_a_model_is_called(tmp_path: Path) -> None:
    line = {**record(PLAIN, HIT), 'model': ODD_NAME}
    results = Results.of(run_of(tmp_path, [line], planner='[x] & y_%'))
    (tmp_path / 'table.tex').write_text(latex(results))
    (tmp_path / 'paper.tex').write_text(
        '\\documentclass{article}\\usepackage{booktabs}\\usepackage[T1]{fontenc}'
        f'\\begin{{document}}\\input{{table}} {escaped(ODD_NAME)}\\end{{document}}')
    done = subprocess.run(
        ['pdflatex', '-draftmode', '-interaction=nonstopmode', '-halt-on-error', 'paper.tex'],
        cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout[-1500:]


def test_latex_leaves_no_special_character_to_itself() -> None:
    text = escaped(ODD_NAME)
    assert re.sub(
        r'\\(text[a-z]+\{\}|[{}$&#%_])|\{[\[\]*]\}', '', text).isascii()
    bare = re.sub(r'\\text[a-z]+\{\}|\\[{}$&#%_]|\{[\[\]*]\}', '', text)
    assert not set(bare) & set('\\{}$&#%_~^<>|"[]*')
    assert latex_form.escaped('50% of a_b\n\nnext') == r'50\% of a\_b next'


def test_markdown_keeps_its_columns_whatever_a_model_is_called(tmp_path: Path) -> None:
    line = {**record(PLAIN, HIT), 'model': 'a|b\n# c <script>'}
    text = markdown(Results.of(run_of(tmp_path, [line])))
    table = text.partition('## Beside the published results')[2].partition('## Success')[0]
    rows = [row for row in table.splitlines() if row.startswith('|')]
    assert len(rows) == 2 + 1 + len(ROWS)
    assert len({len(re.findall(r'(?<!\\)\|', row)) for row in rows}) == 1
    assert '<script>' not in text.replace(r'\<script\>', '')


def test_the_harness_lines_are_those_of_the_published_script(whole: Results) -> None:
    assert harness(whole).splitlines() == [
        '===== Results for hos =====', 'Total environments: 5', 'Successful: 3', 'Completed: 4',
        'Average Steps: 3.00', '  Level 0: 1/1 success rate: 1.0000',
        '  Level 1: 1/2 success rate: 0.5000', '  Level 2: 0/1 success rate: 0.0000',
        '  Level 3: No instances', '  No level of 0 to 3: 1/1 success rate: 1.0000',
        'Total: 3/5 success rate: 0.6000',
        'Step-wise success distribution (for successful runs): 0 2 1 0 0 0 0 0 0 0 0',
        '===== Results for all =====', *harness(whole).splitlines()[1:12]]


def test_harness_count_files_can_be_summed_by_its_reader(tmp_path: Path) -> None:
    run = run_of(tmp_path, [
        record(PLAIN, HIT, number=0, level=0), record(PLAIN, TURN, HIT, number=1, level=3),
        record(PLAIN, MISS, number=2, level=3)])
    done = hvs('report', run, '--format', 'harness', '--out', tmp_path / 'counts')
    assert done.returncode == 0, done.stderr
    counts: dict[int, tuple[int, int]] = {}
    for line in (tmp_path / 'counts/hos.txt').read_text().splitlines():
        if line.startswith('step_success'):
            assert line.split(' ')[1:] == list('01100000000')
            continue
        level, hits, count = map(int, line.split(' '))
        counts[level] = hits, count
    assert counts == {0: (1, 1), 1: (0, 0), 2: (0, 0), 3: (1, 2)}


def test_an_episode_that_a_count_file_would_lose_is_named(whole: Results, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'hos/c/4/90: None'):
        write_counts(whole, tmp_path / 'counts')


def test_steps_are_the_turns_of_successes() -> None:
    late = record(PLAIN, HIT)
    late['turns'] *= 11
    records = [late, record(PLAIN, MISS), record(PLAIN, TURN, HIT)]
    assert steps('published-2026', records) == [0, 0, 1, *[0] * 8]


def test_a_submission_holds_scores_hashes_and_records(whole: Results, tmp_path: Path) -> None:
    summary, archive = write_submission(whole, tmp_path / 'handed in')
    told = json.loads(summary.read_text())
    assert told['status'] == 'complete' and told['profile'] == 'published-2026'
    assert told['scores']['overall']['success']['value'] == 0.6
    assert set(told['scores']['by_level']) == {
        'hos/easy', 'hos/medium', 'hos/hard', 'hos/unlevelled'}
    assert told['hashes']['dataset_sha256'] == 'd' * 64
    assert told['hashes']['records_sha256'] == hashlib.sha256(archive.read_bytes()).hexdigest()
    assert set(told) >= {'model', 'decoding', 'hardware', 'software', 'protocol', 'repeats'}
    with zipfile.ZipFile(archive) as bundle:
        assert sorted(bundle.namelist()) == ['episodes.jsonl', 'run.json']
        for name in bundle.namelist():
            assert bundle.read(name) == (whole.folder / name).read_bytes()
    again = write_submission(whole, tmp_path / 'again')[1]
    assert again.read_bytes() == archive.read_bytes()


def test_an_unfinished_submission_holds_bounds_in_place_of_rates(
        broken_off: Results, tmp_path: Path) -> None:
    with pytest.raises(IncompleteError):
        write_submission(broken_off, tmp_path / 'no')
    assert not (tmp_path / 'no').exists()
    told = json.loads(write_submission(broken_off, tmp_path / 'yes', True)[0].read_text())
    assert told['status'] == 'incomplete' and told['scores']['overall']['success'] is None
    assert told['scores']['overall']['bounds'] == {'low': 0.25, 'high': 0.75}
    assert told['success_by_turn'] is None


def test_a_form_goes_to_a_file_or_to_the_terminal(whole: Results, tmp_path: Path) -> None:
    printed = hvs('report', whole.folder, '--format', 'csv')
    written = hvs('report', whole.folder, '--format', 'csv', '--out', tmp_path / 'x.csv')
    assert printed.returncode == written.returncode == 0
    assert (tmp_path / 'x.csv').read_text() == printed.stdout != ''
    missing = hvs('report', whole.folder, '--format', 'csv', '--out', tmp_path / 'no/x.csv')
    assert missing.returncode == 2 and 'no/x.csv' in missing.stderr


# What the published table says, in whole counts where its cells correspond to any.

@pytest.mark.parametrize('row', [row for row in ROWS if not row.note and row.hos[1] is not None],
                         ids=lambda row: row.model)
def test_a_published_rows_cells_are_whole_counts_that_add_up(
        row: published_results.PublishedRow) -> None:
    for split, cells in (('hos', row.hos), ('hps', row.hps)):
        counts = BENCHMARK[split].values()
        hits = []
        for cell, count in zip(cells[1:], counts, strict=True):
            nearest = round(cell * count / 100)
            assert round(100 * nearest / count, 2) == pytest.approx(cell, abs=0.011)
            hits.append(nearest)
        assert round(100 * sum(hits) / sum(counts), 2) == pytest.approx(cells[0], abs=0.011)


def test_the_headline_table_has_a_cell_for_every_column(whole: Results) -> None:
    rows = benchmark_rows(whole)
    assert rows[0].own and all(len(row.cells) == len(COLUMNS) for row in rows)
    assert rows[0].cells[0].text == '60.0' and rows[0].cells[0].parts[-1] == '5/5'
    assert rows[0].cells[4] == Cell() and rows[0].cells[4].text == '–'
    assert [row.model for row in rows[1:]] == [row.model for row in ROWS]


SAME = Protocol('published-2025', 'jpg, 2025-11', '5 views, 4 answers', 'JPEG 85, 1920x1080', True)


@pytest.mark.parametrize('changes, told', [
    ({}, []), ({'profile': 'strict'}, ['profile']), ({'whole_splits': False}, ['episodes']),
    ({'release': 'png, not named'}, ['release']), ({'context': 'full history'}, ['context']),
    ({'images': 'PNG, 1280x720'}, ['images']), ({'own_ways': ('prompts',)}, ['prompts'])])
def test_every_point_in_which_protocols_differ_is_told(
        changes: dict[str, object], told: list[str]) -> None:
    protocol = Protocol(**{**vars(SAME), **changes})  # type: ignore[arg-type]
    assert protocol.differences(ROWS[0]) == told


def test_what_a_published_row_does_not_say_may_differ() -> None:
    gpt = next(row for row in ROWS if row.model == 'GPT-4o')
    assert SAME.differences(gpt) == ['context', 'images']


@pytest.mark.parametrize('asking, context, images', [
    ({}, '5 views, 4 answers', 'JPEG 85, 1920x1080'),
    ({'history_turns': 1}, '1 view, 0 answers', 'JPEG 85, 1920x1080'),
    ({'context': 'two-round'}, '2 views, 1 answer', 'JPEG 85, 1920x1080'),
    ({'context': 'append', 'most_images': 10}, 'full history', 'JPEG 85, 1920x1080'),
    ({'context': 'append', 'most_images': 4}, 'history of at most 4 views', 'JPEG 85, 1920x1080'),
    ({'image_format': 'png', 'image_width': 640, 'image_height': 360}, '5 views, 4 answers',
     'PNG, 640x360')])
def test_how_a_model_was_asked_is_told_from_the_manifest(
        tmp_path: Path, asking: dict[str, object], context: str, images: str) -> None:
    run = run_of(tmp_path, [record(ACROSS_ZERO, HIT)])
    manifest = json.loads((run / 'run.json').read_text())
    usual = {'context': 'published', 'history_turns': 5, 'most_images': 10}
    manifest['planner'] = {
        'asking': {**usual, **asking}, 'sampling': {'temperature': 0.7}, 'shortcuts': ['reask']}
    (run / 'run.json').write_text(json.dumps(manifest))
    protocol = protocol_of(Results.of(run))
    assert (protocol.context, protocol.images) == (context, images)
    assert protocol.own_ways == ('prompts', 'sampling', 'shortcuts')


def test_the_published_prompts_are_known_by_the_hash_of_their_texts(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = load_prompts('default')
    assert replace(pack, name='other', sha256='').texts_sha256 == pack.texts_sha256
    assert replace(pack, example='x').texts_sha256 != pack.texts_sha256
    assert replace(pack, next_turn=f'{pack.next_turn} ').texts_sha256 != pack.texts_sha256
    run = run_of(tmp_path, [record(ACROSS_ZERO, HIT)])
    manifest = json.loads((run / 'run.json').read_text())
    manifest['planner'] = {'prompt_texts_sha256': pack.texts_sha256}
    (run / 'run.json').write_text(json.dumps(manifest))
    assert protocol_of(Results.of(run)).own_ways == ('prompts',)
    monkeypatch.setattr(published_results, 'PROMPT_TEXTS', {pack.texts_sha256})
    assert protocol_of(Results.of(run)).own_ways == ()


@given(st.text(st.characters(codec=None)))
def test_no_text_breaks_a_form(text: str) -> None:
    told = escaped(text)
    assert told.isascii() and not set(re.sub(
        r'\\text[a-z]+\{\}|\\dag\{\}|\\dots\{\}|\$\\times\$|\\[{}$&#%_]|\{[\[\]*]\}', '', told)
    ) & set('\\{}$&#%_~^<>|"[]*')
    line = io.StringIO()
    csv.writer(line).writerow([as_text(text), 'next'])
    read = list(csv.reader(io.StringIO(line.getvalue())))
    assert read == [[as_text(text), 'next']] and not as_text(text).startswith(tuple('=+-@'))
    assert not set(re.sub(r'\\.', '', shown(text))) & set('|<>*_`[]')
    as_text(text).encode()
