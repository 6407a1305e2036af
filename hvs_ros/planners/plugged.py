# SPDX-License-Identifier: Apache-2.0
"""Grounders that the user brings, by spec: `grounder:huggingface:PATH` and the like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from hvs_ros.core.errors import InputError
from hvs_ros.planners.engine import EngineOptions
from hvs_ros.planners.sightings import Grounder, Thresholds

KINDS = ('huggingface', 'onnx', 'learned')
FORMS = 'grounder:huggingface:PATH, grounder:onnx:FOLDER or grounder:learned:FILE'


def make_grounder(
        spec: str, engine: EngineOptions, wishes: Mapping[str, float], phrase: str = ''
) -> Grounder:
    """
    Return the grounder that ``KIND:PATH`` names; raise ``InputError`` when it cannot be used.

    ``wishes`` are thresholds that win over the grounder's own; ``phrase`` is what a phrase is
    said in, such as 'a photo of a {}', '' for the model's own.
    """
    kind, _, path = spec.partition(':')
    if kind not in KINDS or not path.strip():
        raise InputError(f"planner 'grounder:{spec}' is not of the form {FORMS}")
    if kind == 'learned':
        from hvs_ros.planners.grounder_learned import LearnedGrounder
        return LearnedGrounder(path, wishes)
    if kind == 'onnx':
        from hvs_ros.planners.grounder_onnx_folder import OnnxFolderGrounder
        return OnnxFolderGrounder(path, engine, wishes, phrase)
    from hvs_ros.planners.grounder_huggingface import HuggingFaceGrounder
    return HuggingFaceGrounder(path, engine, wishes, phrase)


def check_thresholds(where: str, chosen: Any) -> dict[str, float]:
    """Return thresholds as a file at ``where`` holds them; raise ``InputError`` for others."""
    if not isinstance(chosen, Mapping):
        raise InputError(f"{where}: field 'thresholds' must be a mapping, not {chosen!r}")
    known = [entry.name for entry in fields(Thresholds)]
    for name, value in chosen.items():
        if name not in known:
            raise InputError(
                f"{where}: unknown field 'thresholds.{name}'; known are: {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise InputError(
                f"{where}: field 'thresholds.{name}' must be a number from 0 to 1, not {value!r}")
    return {name: float(value) for name, value in chosen.items()}


def over(where: str, own: Thresholds, wishes: Mapping[str, float]) -> Thresholds:
    """Return the thresholds of the grounder at ``where``, wishes granted; refuse disorder."""
    found = replace(own, **wishes)
    if not found.least <= found.likely <= found.striking or found.least > found.confirmed:
        raise InputError(
            f'{where}: thresholds must rise from least to likely to striking, and confirmed not '
            f'be below least: {found}')
    return found


def check_phrase(where: str, phrase: Any) -> str:
    """Return what phrases are said in; raise ``InputError`` when there is no place for one."""
    if not isinstance(phrase, str) or phrase.count('{}') != 1:
        raise InputError(
            f"{where}: field 'phrase' must be a text with one {{}} in it, not {phrase!r}")
    return phrase
