# SPDX-License-Identifier: Apache-2.0
"""Shipped files are found in a checkout, beside an installation and in a ROS workspace."""

from __future__ import annotations

import sys

import pytest

from hvs_ros.core import share
from hvs_ros.core.errors import InputError
from hvs_ros.core.share import share_path


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Pretend that the package lies in site-packages, with two places for shared files."""
    monkeypatch.setattr(share, '_PACKAGE', tmp_path / 'site-packages' / 'hvs_ros')
    monkeypatch.setattr(sys, 'prefix', str(tmp_path / 'env'))
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'{tmp_path / "none"}:{tmp_path / "ws"}')
    return tmp_path


@pytest.mark.parametrize('prefix', ['env', 'ws'])
def test_an_installed_file_is_found_below_its_prefix(installed, prefix):
    file = installed / prefix / 'share' / 'hvs_ros' / 'config' / 'a.yaml'
    file.parent.mkdir(parents=True)
    file.write_text('')
    assert share_path('config/a.yaml') == file


def test_a_checkout_comes_first():
    assert share_path('pyproject.toml') == share._PACKAGE.parent / 'pyproject.toml'


def test_a_file_that_is_nowhere_is_named(installed):
    with pytest.raises(InputError, match=r'config/a\.yaml was not installed; looked in .*ws'):
        share_path('config/a.yaml')
