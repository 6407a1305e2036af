# SPDX-License-Identifier: Apache-2.0
"""The page of a run: whole without a network, harmless whatever a model says."""

from __future__ import annotations

import io
import json
from pathlib import Path
import re
import shutil

from evaluation_fixtures import hvs, write_panorama, write_scene
from hypothesis import given
from hypothesis import strategies as st
import pytest
from report_fixtures import HOSTILE, Page, talking_run

from hvs_ros.core.errors import InputError
from hvs_ros.evaluation import episodes_shown, figures
from hvs_ros.evaluation.blocks import InertBlocks
from hvs_ros.evaluation.cards import choose_shown, inert, visible
from hvs_ros.evaluation.config import EvalConfig, ViewConfig
from hvs_ros.evaluation.figures import Drawing, gaze_drawing, gaze_path
from hvs_ros.evaluation.pictures import FULL, LADDER
from hvs_ros.evaluation.report import PageOptions, derive
from hvs_ros.evaluation.session import evaluate


@pytest.fixture
def run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return talking_run(tmp_path, monkeypatch)


def read(run: Path, name: str = 'report.html') -> Page:
    return Page((run / name).read_text(encoding='utf-8'))


def test_hostile_text_is_text_and_stays_whole(run_folder: Path) -> None:
    page = read(run_folder)
    assert page.tags.count('script') == 1 + len(page.blocks)
    assert not [name for name, _ in page.attributes if name.startswith('on')]
    assert not {'iframe', 'object', 'b', 'base'} & (set(page.tags) - {'b'})
    stories = [json.loads(text) for name, text in page.blocks.items() if 'story' in name]
    assert len(stories) == 8
    for story in stories:
        turn = story['turns'][0]
        assert turn['thought'] == HOSTILE
        assert turn['thought'].join(turn['reply']) == (
            f'<think>{HOSTILE}</think><answer>rotate(170,20)</answer>')
    for block in page.blocks.values():
        assert block.isascii() and not set(block) & set('<>&')


def test_only_the_pages_own_script_may_run(run_folder: Path) -> None:
    page = read(run_folder)
    policy = next(value for _, value in page.attributes if value.startswith('default-src'))
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert 'unsafe' not in policy and 'http' not in policy and 'file:' not in policy


def test_nothing_is_fetched(run_folder: Path) -> None:
    page = read(run_folder)
    links = [value for name, value in page.attributes if name in ('src', 'href', 'action')]
    assert links and all(value.startswith('#') for value in links)
    text = (run_folder / 'report.html').read_text(encoding='utf-8')
    assert not re.findall(r'(?:url\(|@import|https?://(?!www\.w3\.org/2000/svg))', text)


def test_an_instruction_with_control_characters_shows_them(run_folder: Path) -> None:
    assert 'Find \u2400 </script><script>alert(0)</script>' in read(run_folder).text


def test_the_page_is_made_anew_from_the_lines_alone(run_folder: Path) -> None:
    before = (run_folder / 'report.html').read_bytes()
    metrics = (run_folder / 'metrics.json').read_bytes()
    (run_folder / 'report.html').unlink()
    (run_folder / 'metrics.json').unlink()
    derive(run_folder)
    assert (run_folder / 'report.html').read_bytes() == before
    assert (run_folder / 'metrics.json').read_bytes() == metrics


def test_the_page_tells_what_the_issue_of_a_run_is(run_folder: Path) -> None:
    text = read(run_folder).text
    for part in ('Beside the published results', 'Qwen2.5-VL-3B', 'not the same protocol',
                 'Success by turn', 'Outcomes, of 8', 'Degrees off the target',
                 'Worst: not found', 'Best: found', 'naive, too narrow', 'licence'):
        assert part in text, part


def test_every_told_episode_has_its_views_and_its_way(run_folder: Path) -> None:
    page = read(run_folder)
    views = [json.loads(text) for name, text in page.blocks.items() if 'views' in name]
    assert len(views) == 8 and all(
        uri.startswith('data:image/jpeg;base64,') for strip in views for uri in strip)
    story = json.loads(page.blocks['story-0'])
    assert len(views[0]) == len(story['turns']) == 2
    drawing = story['drawings'][0]
    assert drawing['picture'].lstrip('#') in page.blocks
    kinds = {shape['class'] for shape in drawing['shapes']}
    assert kinds == {'widened', 'annotated', 'outline', 'under', 'way', 'mark', 'label', 'aim'}


def test_missing_panoramas_are_told_and_cost_only_the_pictures(run_folder: Path) -> None:
    data = run_folder.parent / 'data'
    shutil.move(data, run_folder.parent / 'elsewhere')
    derive(run_folder)
    page = read(run_folder)
    assert 'were not found, so there are no pictures' in page.text
    assert not page.named('views') and len(page.named('story')) == 8
    derive(run_folder, PageOptions(episodes=run_folder.parent / 'elsewhere'))
    assert len(read(run_folder).named('views')) == 8


def test_one_lost_panorama_costs_its_own_pictures(run_folder: Path) -> None:
    (run_folder.parent / 'data/second/pano_0.jpg').unlink()
    derive(run_folder)
    page = read(run_folder)
    assert '1 panorama of this run is missing or not the same any more: second/pano_0.jpg' in (
        page.text)
    assert len(page.named('views')) == 4 and len(page.named('panorama')) == 1


def test_a_panorama_that_was_exchanged_is_not_drawn(run_folder: Path) -> None:
    write_panorama(run_folder.parent / 'data/second/pano_0.jpg', (128, 64), seed=9)
    derive(run_folder)
    assert 'not the same any more: second/pano_0.jpg' in read(run_folder).text
    assert len(read(run_folder).named('views')) == 4


def test_a_broken_panorama_of_a_run_without_hashes_is_named(run_folder: Path) -> None:
    """Old runs know their panoramas by name and annotation alone."""
    lines = (run_folder / 'episodes.jsonl').read_text().splitlines()
    bare = [{k: v for k, v in json.loads(line).items() if k != 'panorama_sha256'}
            for line in lines]
    (run_folder / 'episodes.jsonl').write_text(
        ''.join(json.dumps(line) + '\n' for line in bare))
    path = run_folder.parent / 'data/second/pano_0.jpg'
    path.write_bytes(path.read_bytes()[:-100])
    derive(run_folder)
    text = read(run_folder).text
    assert 'No pictures from a panorama that cannot be used' in text
    assert 'second/pano_0.jpg' in text and len(read(run_folder).named('views')) == 4


def test_another_dataset_lends_no_pictures(run_folder: Path, tmp_path: Path) -> None:
    write_scene(tmp_path / 'other', 'first', [{'task': 'x', 'yaw': [0, 9], 'pitch': [0, 9]}])
    derive(run_folder, PageOptions(episodes=tmp_path / 'other'))
    page = read(run_folder)
    assert 'is not the dataset of this run' in page.text and not page.named('views')


def test_a_page_without_images_says_that_it_can_be_shared(run_folder: Path) -> None:
    derive(run_folder, PageOptions(images=False))
    page = read(run_folder)
    assert 'licence of the published benchmark is unknown' in page.text
    assert not page.named('views') and not page.named('panorama')
    assert 'data:image' not in (run_folder / 'report.html').read_text(encoding='utf-8')
    assert len(page.named('story')) == 8


def test_assets_hold_everything_in_files_beside_the_page(run_folder: Path) -> None:
    assets = run_folder / 'assets'
    for _ in range(2):
        derive(run_folder, PageOptions(embed=0, assets=assets))
        assert len(list((assets / 'stories').iterdir())) == 8
        assert len(list((assets / 'views').iterdir())) == 16
        assert len(list((assets / 'panoramas').iterdir())) == 2
    page = read(run_folder)
    assert not page.blocks
    assert dict(page.attributes)['data-assets'] == 'assets'
    told = (assets / 'stories/0.js').read_text()
    assert told.startswith('hvsStory(0,{') and not set(told) & set('<>&')


def test_a_folder_with_other_files_is_no_place_for_assets(run_folder: Path) -> None:
    (run_folder.parent / 'mine').mkdir()
    (run_folder.parent / 'mine/thesis.tex').write_text('x')
    with pytest.raises(InputError, match=r'thesis\.tex'):
        derive(run_folder, PageOptions(assets=run_folder.parent / 'mine'))
    assert (run_folder.parent / 'mine/thesis.tex').exists()


def test_a_long_run_is_told_in_part_and_says_so(dataset: Path, tmp_path: Path) -> None:
    config = EvalConfig(str(dataset), 'sweep', view=ViewConfig(64, 36), max_turns=3)
    assert evaluate(config, tmp_path / 'run', stream=io.StringIO(), bar=False) == 0
    whole = read(tmp_path / 'run')
    assert whole.tags.count('article') == len(whole.named('story')) == 25
    derive(tmp_path / 'run', PageOptions(embed=4))
    page = read(tmp_path / 'run')
    assert '4 of 25 episodes are told in full' in page.text and '--assets DIR' in page.text
    assert len(page.named('story')) == 4 and page.tags.count('article') == 25


def test_disagreements_are_told_even_beyond_the_limit(run_folder: Path) -> None:
    """Here most answers are right by their numbers and wrong by the pose."""
    derive(run_folder, PageOptions(embed=2))
    assert len(read(run_folder).named('story')) == 6
    assert '6 on which profiles or repeats disagree' in read(run_folder).text


def line(number: int, outcome: str = 'success', strict: bool | None = None) -> dict:
    won = outcome == 'success'
    return {
        'id': f'hos/s/{number:04}/0', 'repeat': 0, 'outcome': outcome, 'turns': [{}] * 3,
        'success': {'published-2026': won, 'strict': won if strict is None else strict},
        'errors': {'gaze': {'window': float(number), 'centre': float(number)}}}


def test_errors_and_disagreements_come_first_then_extremes_then_a_sample() -> None:
    records = [
        line(n, 'error' if n % 50 == 0 else 'failure' if n % 3 == 0 else 'success',
             strict=False if n % 40 == 7 else None) for n in range(400)]
    chosen = choose_shown(records, 60, seed=5)
    assert len(chosen.records) == 60
    assert chosen.errors == 8 == [r['outcome'] for r in chosen.records[:8]].count('error')
    assert chosen.disagreements > 0 and chosen.extremes > 10 and chosen.sampled > 0
    ids = [record['id'] for record in chosen.records]
    assert len(set(ids)) == 60
    assert ids == [record['id'] for record in choose_shown(records, 60, seed=5).records]
    assert ids != [record['id'] for record in choose_shown(records, 60, seed=6).records]
    assert len(choose_shown(records, 3).records) == chosen.errors + chosen.disagreements
    assert len(choose_shown(records, 400).records) == 400


def test_the_sample_is_not_biased_by_the_order_of_ids() -> None:
    records = [line(n) for n in range(1000)]
    taken = [0] * 10
    for seed in range(60):
        chosen = choose_shown(records, 100, seed)
        for record in chosen.records[chosen.extremes:]:
            taken[int(record['id'].split('/')[2]) // 100] += 1
    assert max(taken[1:]) < 1.3 * min(taken[1:])


def test_repeats_that_disagree_are_told() -> None:
    records = [line(n) for n in range(100)]
    records.append({**line(4, 'failure'), 'repeat': 1})
    chosen = choose_shown(records, 20)
    assert chosen.disagreements == 2
    assert {record['id'] for record in chosen.records[:2]} == {'hos/s/0004/0'}


def test_pictures_shrink_and_then_give_way_when_a_page_is_full(run_folder: Path) -> None:
    from hvs_ros.evaluation.panorama_files import find_panoramas
    from hvs_ros.evaluation.results import Results
    results = Results.of(run_folder)
    files = find_panoramas(results.manifest, results.records).files
    view = ViewConfig(1280, 720)
    assert episodes_shown.fit(files, results.records, view, 60e6)[0] == FULL
    sizes, fitting = episodes_shown.fit(files, results.records, view, 90e3)
    assert sizes in LADDER[1:] and len(fitting) == 8
    sizes, fitting = episodes_shown.fit(files, results.records, view, 15e3)
    assert sizes == LADDER[-1] and 0 < len(fitting) < 8
    assert list(fitting) == list(results.records[:len(fitting)])


def test_a_store_never_takes_more_than_it_has_room_for() -> None:
    store = InertBlocks(10_000)
    taken = [store.add_views(number, [b'x' * 1500]) for number in range(10)]
    assert taken == [True] * 4 + [False] * 6
    assert sum(len(block) for _, block in store) < 10_000
    assert not store.add_story(1, {'turns': 'x' * 9_000})


def test_replies_without_end_are_cut_and_say_so(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = talking_run(tmp_path, monkeypatch, thought='again ' * 50_000)
    page = read(run)
    turn = json.loads(page.blocks['story-0'])['turns'][0]
    assert len(turn['thought']) < 21_000 and 'characters more in episodes.jsonl' in turn['thought']


def test_text_beyond_a_pages_room_is_left_out_and_told(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('hvs_ros.evaluation.page.PAGE_BYTES', 450_000)
    run = talking_run(tmp_path, monkeypatch, thought='x' * 15_000)
    page = read(run)
    assert 0 < len(page.named('story')) < 8
    assert 'did not fit into one page' in page.text
    assert (run / 'report.html').stat().st_size < 450_000


def test_an_unfinished_run_has_bounds_and_no_rates(run_folder: Path) -> None:
    path = run_folder / 'episodes.jsonl'
    path.write_text(''.join(path.read_text().splitlines(keepends=True)[:5]))
    metrics = derive(run_folder)
    text = read(run_folder).text
    assert metrics['status'] == 'incomplete'
    assert 'incomplete: 5/8 episodes scored' in text
    assert re.search(r'incomplete, \d+\.\d% to \d+\.\d%', text) and '5/8' in text


def test_a_run_without_a_single_record_has_a_page(run_folder: Path) -> None:
    (run_folder / 'episodes.jsonl').write_text('')
    derive(run_folder)
    assert 'incomplete: 0/8' in read(run_folder).text


def test_a_manifest_that_says_little_is_enough(run_folder: Path) -> None:
    path = run_folder / 'run.json'
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({
        name: manifest[name] for name in ('schema_version', 'config', 'episodes')}))
    derive(run_folder)
    assert 'not a checkout' in read(run_folder).text


@pytest.mark.parametrize('section', [
    {'hardware': {'gpus': 3}}, {'packages': []}, {'times': None}, {'git': 'x'},
    {'planner': {'asking': 'x', 'sampling': 7}}, {'images': {'release': 5}},
    {'platform': [1]}, {'prompts': {'pack_sha256': {}}}])
def test_a_manifest_with_odd_sections_costs_at_most_what_they_say(
        run_folder: Path, section: dict[str, object]) -> None:
    path = run_folder / 'run.json'
    path.write_text(json.dumps({**json.loads(path.read_text()), **section}))
    derive(run_folder)
    assert 'How this run was made' in read(run_folder).text


def test_a_manifest_that_asks_in_no_known_way_is_one_sentence(run_folder: Path) -> None:
    path = run_folder / 'run.json'
    path.write_text(json.dumps({
        **json.loads(path.read_text()), 'planner': {'asking': {'context': 'psychic'}}}))
    with pytest.raises(InputError, match=r"run\.json: planner\.asking: field 'context'"):
        derive(run_folder)


@pytest.mark.parametrize('spoil, named', [
    ({'turns': 3}, 'line 3 is not a record'), ({'gaze': [1]}, 'gaze'),
    ({'instruction': None}, 'instruction'),
    ({'turns': [{'reply': 1}]}, 'reply'), ({'errors': {}}, 'field "errors" cannot be {}')])
def test_a_line_that_cannot_be_told_is_one_sentence(
        run_folder: Path, spoil: dict[str, object], named: str) -> None:
    path = run_folder / 'episodes.jsonl'
    lines = path.read_text().splitlines()
    lines[2] = json.dumps({**json.loads(lines[2]), **spoil})
    path.write_text('\n'.join(lines) + '\n')
    done = hvs('report', run_folder)
    assert done.returncode == 2 and done.stderr.count('\n') == 1, done.stderr
    assert named in done.stderr and 'episodes.jsonl' in done.stderr


def test_another_drawing_is_shown_as_soon_as_somebody_draws_it(
        run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Drawing('plan', 'Walk on the floor plan', (40, 30), [
        {'shape': 'polyline', 'class': 'way', 'points': '0,0 10,10 20,5'}], b'\x89PNG rest')
    monkeypatch.setattr(figures, 'DRAWERS', [gaze_drawing, lambda record: plan, lambda _: None])
    derive(run_folder)
    drawn = json.loads(read(run_folder).blocks['story-0'])['drawings']
    assert [drawing['name'] for drawing in drawn] == ['gaze', 'plan']
    assert drawn[1]['picture'].startswith('data:image/png;base64,')
    assert drawn[1]['size'] == [40, 30] and drawn[1]['shapes'] == plan.shapes


def test_the_gaze_path_is_cut_at_the_seam() -> None:
    record = {
        'target': {'kind': 'object', 'yaw': [170.0, 190.0], 'pitch': [-10.0, 10.0]},
        'turns': [{'gaze_measured': [170, 0]}, {'gaze_measured': [190, 30]}],
        'answer': [190, 100], 'gaze': [190, 30]}
    path = gaze_path(record)
    assert [(mark['x'], mark['y']) for mark in path['marks']] == [(350, 90), (10, 60)]
    assert [(line['x1'], line['x2']) for line in path['lines'][:2]] == [(350, 370), (-10, 10)]
    assert path['answer'] == {'x': 10, 'y': 0}
    assert sorted((box['name'], box['width']) for box in path['windows']) == [
        ('annotated', 10), ('annotated', 10), ('widened', 30), ('widened', 30)]


def test_a_mark_on_the_seam_is_drawn_on_both_sides() -> None:
    record = {
        'target': {'kind': 'path', 'yaw': [10.0, 20.0], 'pitch': None},
        'turns': [{'gaze_measured': [180, 0]}], 'answer': None, 'gaze': [180, 0]}
    drawing = gaze_drawing(record)
    assert drawing is not None
    assert [s['cx'] for s in drawing.shapes if s['class'] == 'mark'] == [0, 360]


def test_text_is_made_visible_and_inert() -> None:
    assert visible('a\x00b\x1b[31m\x7f\ud800\tok\n') == 'a\u2400b\u241b[31m\u2421\ufffd\tok\n'
    block = inert({'a': '</script><!--\u2028\ud800&amp;'})
    assert '<' not in block and '>' not in block and '&' not in block and block.isascii()
    assert json.loads(block) == {'a': '</script><!--\u2028\ud800&amp;'}


@given(st.text(st.characters(codec=None)), st.text(st.characters(codec=None)))
def test_no_text_leaves_its_block_or_is_changed_in_it(key: str, text: str) -> None:
    block = inert({key: text})
    assert block.isascii() and not set(block) & set('<>&')
    assert json.loads(block) == {key: text}
    shown = visible(text)
    assert len(shown.encode('utf-8', 'strict')) >= len(text) == len(shown)
    assert not any(letter < ' ' and letter not in '\t\n' for letter in shown)


def test_metrics_are_plain_json(run_folder: Path) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(f'{name} is not JSON')

    json.loads((run_folder / 'metrics.json').read_text(), parse_constant=refuse)


def test_the_command_writes_where_it_is_told(run_folder: Path) -> None:
    out = run_folder.parent / 'shared.html'
    (run_folder / 'metrics.json').unlink()
    done = hvs('report', run_folder, '--no-images', '--out', out, '--embed', 3)
    assert done.returncode == 0, done.stderr
    assert f'Report: {out}' in done.stdout and out.exists()
    assert not (run_folder / 'metrics.json').exists()
    for words in (('--embed', '-1'), ('--assets', 'x', '--no-images')):
        assert hvs('report', run_folder, *words).returncode == 2
