# SPDX-License-Identifier: Apache-2.0
"""One prompt pack for each answer format: those given, the package's own for the rest."""

from __future__ import annotations

from collections.abc import Iterable

from hvs_ros.core.errors import InputError
from hvs_ros.core.prompts import PromptPack, load_prompts

OWN = {'free_think': 'default', 'no_think': 'no_think', 'grounding': 'grounding'}


def load_packs(names: Iterable[str] = ()) -> dict[str, PromptPack]:
    """Return a pack by answer format; raise ``InputError`` when two are for the same."""
    packs: dict[str, PromptPack] = {}
    for pack in map(load_prompts, names):
        other = packs.setdefault(pack.answer_format, pack)
        if other is not pack:
            raise InputError(
                f'the prompt packs {other.name} and {pack.name} are both for '
                f'{pack.answer_format} answers')
    return {form: packs[form] if form in packs else load_prompts(name)
            for form, name in OWN.items()}
