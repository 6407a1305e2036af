# SPDX-License-Identifier: Apache-2.0
"""House rules that no linter knows: file sizes, licence headers, names, unfinished work."""

from __future__ import annotations

from pathlib import Path
import re

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
FOLDERS = ('hvs_ros', 'test', 'launch', 'scripts', 'docs', 'bench')
SPDX = '# SPDX-License-Identifier: Apache-2.0'
MOST_LINES, MOST_NODE_LINES = 500, 130
VAGUE = {'utils', 'util', 'helper', 'helpers', 'manager', 'handler', 'common', 'misc'}
UNFINISHED = re.compile('|'.join(
    ('TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'raise NotImplemented' + 'Error')))


def sources() -> list[Path]:
    found = [path for folder in FOLDERS for path in (REPOSITORY / folder).rglob('*.py')]
    return sorted([*found, *(REPOSITORY / 'scripts').iterdir(), REPOSITORY / 'setup.py'])


def name_of(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


@pytest.mark.parametrize('path', sources(), ids=name_of)
def test_a_source_file_is_short_finished_and_licensed(path):
    lines = path.read_text().splitlines()
    assert SPDX in lines[:2]
    assert len(lines) <= MOST_LINES
    assert path.stem not in VAGUE
    assert [line for line in lines if UNFINISHED.search(line)] == []


@pytest.mark.parametrize('path', sorted((REPOSITORY / 'hvs_ros/nodes').glob('*.py')), ids=name_of)
def test_a_node_is_thin(path):
    assert len(path.read_text().splitlines()) <= MOST_NODE_LINES


def test_no_file_speaks_of_one_persons_machine():
    private = re.compile('/' + 'home/|/' + 'Users/|/' + 'work/|/' + 'root/')
    found = [
        name_of(path) for path in [
            *sources(), *REPOSITORY.glob('[!.]*.*'), *(REPOSITORY / 'docs').glob('*.md'),
            *(REPOSITORY / 'config').rglob('*.yaml'), REPOSITORY / 'Makefile']
        if path.is_file() and path.name != '.git' and private.search(path.read_text())]
    assert found == []
