# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pytest
import yaml

from hvs_ros.core.calibration import load_camera_model
from hvs_ros.core.errors import InputError
from hvs_ros.core.plain_yaml import load_plain_yaml
from hvs_ros.core.prompts import load_prompts
from hvs_ros.planners.registry import make_planner

UNREADABLE = (
    'width: 2020-13-45', 'width: !!int x', 'width: !!timestamp x', '[' * 5000,
    'width: ' + '1' * 5000, 'a: [1', '!!python/object/apply:os.getcwd []')


@pytest.mark.parametrize('text', UNREADABLE, ids=lambda text: text[:20])
def test_whatever_cannot_be_read_is_one_kind_of_complaint(text):
    with pytest.raises(yaml.YAMLError):
        load_plain_yaml(text)


@pytest.mark.parametrize('read', [load_camera_model, load_prompts, make_planner])
@pytest.mark.parametrize('text', UNREADABLE, ids=lambda text: text[:20])
def test_files_that_cannot_be_read_are_named(tmp_path, read, text):
    path = tmp_path / 'settings.yaml'
    path.write_text(text)
    with pytest.raises(InputError, match=r'settings\.yaml: not a readable'):
        read(str(path))
