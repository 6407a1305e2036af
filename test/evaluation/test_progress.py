# SPDX-License-Identifier: Apache-2.0
"""The progress line: how far, how long still, successes of what is scored, errors."""

from __future__ import annotations

import re

import pytest

from hvs_ros.evaluation.progress import Progress


def told(capsys: pytest.CaptureFixture[str], done: list[str], new: list[str]) -> str:
    with Progress(20, [{'outcome': name} for name in done]) as progress:
        for name in new:
            progress.add({'outcome': name})
    return capsys.readouterr().err.rstrip().rpartition('\r')[2]


@pytest.mark.parametrize('done, new, words', [
    ([], ['success', 'failure', 'truncated'], '3/20 success 33% (1/3)'),
    ([], ['error', 'error', 'success'], '3/20 success 100% (1/1), 2 errors'),
    # an error of an earlier sitting is to be tried again: it is not done yet
    (['success', 'error', 'failure'], ['error'], '3/20 success 50% (1/2), 1 error'),
    (['cancelled'], [], '1/20 success – (0/0)')])
def test_the_line_counts_what_is_scored_and_what_failed(
        capsys: pytest.CaptureFixture[str], done: list[str], new: list[str],
        words: str) -> None:
    line = told(capsys, done, new)
    count, success = words.split(' ', 1)
    assert f' {count} [' in line and line.endswith(f', {success}]')


def test_the_line_says_how_long_it_still_takes(capsys: pytest.CaptureFixture[str]) -> None:
    line = told(capsys, [], ['success'] * 5)
    assert re.search(r'\[\d\d:\d\d<\d\d:\d\d, +[\d.]+(episode/s|s/episode)', line), line
