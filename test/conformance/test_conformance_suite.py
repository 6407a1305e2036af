# SPDX-License-Identifier: Apache-2.0
"""The suite agrees, the benchmark's recorded data agrees, and every changed rule is noticed."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import conformance_suite as suite
import make_suite
from mutations import MUTATIONS
import pytest

from hvs_ros.core.actions import ANSWER_FORMATS
from hvs_ros.core.conformance import check_file
from hvs_ros.core.profile import PROFILES

ROWS = {row.name: row for row in suite.branch_table()}
LISTED_RULES = {
    'an object window widened to 40 instead of 60 degrees': 'W1',
    'ends of a window exclusive': 'W5',
    'ends of a wrapped window exclusive': 'W6',
    'pitch clamped on submit': 'Q2b',
    'quirk Q1 off': 'Q1',
    'quirk Q3 off': 'Q3',
    'last answer instead of the first': 'T17',
    'decimals accepted where whole numbers belong': 'T7',
    'spaces around an action kept': 'T9',
    'another separator of actions': 'T3',
    'nine turns instead of ten': 'E4',
    'yaw not modulo 360': 'E1',
    'pitch not clamped on rotate': 'E2',
    'a newline before the thought forgiven': 'T15',
    'tag pairs of observation and reasoning in any order': 'T19',
    'whole match not asked for in 2025': 'T12',
    'the image tag kept': 'T1',
    'direction told after an invalid answer': 'E7',
}


@pytest.mark.parametrize('name', PROFILES)
def test_every_episode_of_the_suite_agrees(name):
    agreement = check_file(suite.HERE / f'{name}.jsonl', suite.EPISODES, name)
    assert [str(found) for found in agreement.disagreements] == []
    assert agreement.episodes >= (60 if name == 'strict' else 300)


@pytest.mark.parametrize('name', make_suite.PROFILES)
def test_the_suite_is_what_its_script_makes(name):
    assert make_suite.suite(name) == (suite.HERE / f'{name}.jsonl').read_text(encoding='utf-8')
    assert {one.answer_format for one in suite.episodes(name)} == set(ANSWER_FORMATS)


def test_every_strict_case_says_why_and_no_two_are_alike():
    whys = [episode.expected['why'] for episode in suite.episodes('strict')]
    assert all(whys)
    assert len(set(whys)) == len(whys) >= 60


def test_the_branch_table_and_the_mutations_name_the_same_rows():
    assert set(ROWS) == set(MUTATIONS)


@pytest.mark.parametrize('row', ROWS.values(), ids=lambda row: row.name)
def test_the_code_that_a_row_names_exists(row):
    module, _, path = row.code.partition('.')
    found = import_module(f'hvs_ros.core.{module}')
    for name in path.split('.'):
        found = getattr(found, name)


@pytest.mark.parametrize('row', ROWS.values(), ids=lambda row: row.name)
def test_a_row_is_covered_by_cases_that_fail_when_its_rule_changes(row, monkeypatch):
    for profile_name in row.profiles:
        groups = tuple(
            group for group in row.groups
            if group.startswith('strict') == (profile_name == 'strict'))
        assert groups
        assert suite.disagreements(profile_name, groups) == []
    MUTATIONS[row.name](monkeypatch)
    if row.name != 'W10':  # elsewhere the turns must tell, not the windows written in the file
        monkeypatch.setattr('hvs_ros.core.conformance.WINDOW_FIELDS', ())
    for profile_name in row.profiles:
        found = suite.disagreements(profile_name, row.groups)
        assert found, f'{row.name} goes unnoticed under {profile_name}'


@pytest.mark.parametrize('row', LISTED_RULES.values(), ids=LISTED_RULES)
def test_a_changed_rule_makes_the_suite_fail_by_what_happens_in_it(row, monkeypatch):
    """The windows in the files would give most rules away; here only the turns may."""
    monkeypatch.setattr('hvs_ros.core.conformance.WINDOW_FIELDS', ())
    MUTATIONS[row](monkeypatch)
    assert any(suite.disagreements(name) for name in PROFILES)


SHARED_FILES = [
    ('turns.jsonl', 'panoramas', 'published-2026', 816),
    ('turns_2025.jsonl', 'panoramas', 'published-2025', 816),
    ('edges.jsonl', 'parity/edges_panoramas', 'published-2026', 5858),
    ('edges_2025.jsonl', 'parity/edges_panoramas', 'published-2025', 5858),
]


@pytest.mark.skipif(not suite.SHARED.is_dir(), reason='the shared benchmark data is not here')
@pytest.mark.parametrize('name, folder, profile, count', SHARED_FILES)
def test_the_recorded_benchmark_episodes_agree(name, folder, profile, count):
    root: Path = suite.SHARED
    agreement = check_file(root / 'parity' / name, root / folder, profile)
    assert [str(found) for found in agreement.disagreements] == []
    assert agreement.episodes == count
