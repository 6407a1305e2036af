# SPDX-License-Identifier: Apache-2.0
"""YAML as people write it into files of settings: plain values, and one kind of complaint."""

from __future__ import annotations

from typing import Any

import yaml


def load_plain_yaml(content: str | bytes) -> Any:
    """
    Return what the YAML holds; raise ``yaml.YAMLError`` for whatever cannot be read.

    PyYAML lets other errors through: of a date without such a day, of a number too long, of
    lists within lists without end.
    """
    try:
        return yaml.safe_load(content)
    except UnicodeDecodeError:
        raise
    except (ValueError, AttributeError, RecursionError) as error:
        raise yaml.YAMLError(f'a value cannot be read: {error}') from error
