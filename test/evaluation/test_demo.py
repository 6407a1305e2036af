# SPDX-License-Identifier: Apache-2.0
"""`hvs demo` without ROS: told turn by turn, scored, and honest about what is missing."""

from __future__ import annotations

from pathlib import Path

from evaluation_fixtures import REPOSITORY
import pytest

from hvs_ros.cli import demo
from hvs_ros.cli.main import main
from hvs_ros.core.episode import load_episodes
from hvs_ros.evaluation.run_files import read_records

BUNDLED = REPOSITORY / 'sim/episodes'
pytestmark = pytest.mark.skipif(
    not (BUNDLED / 'hos').exists(), reason='the bundled episodes are not there')


def test_a_demo_without_ros_says_so_and_runs(
        tmp_path: Path, capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(driver: str) -> None:
        raise ModuleNotFoundError("No module named 'rclpy'", name='rclpy')

    monkeypatch.setattr(demo, 'graph_of', absent)
    assert main(['demo', '--limit', '3', '--out', str(tmp_path / 'run')]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith('rclpy is not installed') and "'hvs_ros[ros]'" in printed
    assert printed.count('looks at') == sum(
        len(record['turns']) for record in read_records(tmp_path / 'run'))
    assert '[3/3]' in printed and 'of 3 so far' in printed
    assert f'Report: {tmp_path / "run" / "report.html"}' in printed
    assert '\x1b' not in printed


def test_every_item_is_shown_once_from_changing_starts() -> None:
    chosen = demo.one_start_each(list(load_episodes(BUNDLED)))
    items = [(episode.split, episode.scene, episode.item) for episode in chosen]
    assert len(items) == len(set(items)) >= 8
    assert len({episode.start.yaw for episode in chosen}) >= 3
