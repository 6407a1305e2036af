# SPDX-License-Identifier: Apache-2.0
"""The key of a model's servers: read from the environment, and kept out of all that is told."""

from __future__ import annotations

import os
import re

from hvs_ros.core.errors import InputError

NO_KEY = 'EMPTY'
LEAST_SECRET = 8
"""Shorter keys are words that servers without keys are given (none, 1), and answers hold, too."""
HIDDEN = '***'


class ApiKey:
    """Hold a key; ``hidden`` takes it out of a text."""

    def __init__(self, value: str) -> None:
        self.value = value
        self._said: re.Pattern[str] | None = None
        if value != NO_KEY and len(value) >= LEAST_SECRET:
            # texts are cut, too, and then end in the beginning of a key
            beginnings = (re.escape(value[:length]) + '…'
                          for length in range(len(value) - 1, LEAST_SECRET - 1, -1))
            self._said = re.compile('|'.join([re.escape(value), *beginnings]))

    @classmethod
    def of_environment(cls, name: str) -> ApiKey:
        """
        Return the key that a variable holds, white space around it left out.

        Raise ``InputError``, which does not say the key, for one that no request can hold.
        """
        value = os.environ.get(name, '').strip()
        if not re.fullmatch('[!-~]*', value):
            raise InputError(
                f'the key in {name} holds white space or characters beyond ASCII, which no '
                'request can hold')
        return cls(value or NO_KEY)

    def hidden(self, text: str) -> str:
        """Return the text with the key taken out."""
        return text if self._said is None else self._said.sub(HIDDEN, text)
