# SPDX-License-Identifier: Apache-2.0
"""What fine-tuning is fed with: dialogues of finished searches, and seeds of an environment."""

from __future__ import annotations

from hvs_ros.learning.rl_export import rl_rows, write_rl
from hvs_ros.learning.sft_export import (
    LeftOut,
    SftRow,
    SftSummary,
    dataset_info,
    sft_rows,
    write_sft,
)

__all__ = [
    'LeftOut', 'SftRow', 'SftSummary', 'dataset_info', 'rl_rows', 'sft_rows', 'write_rl',
    'write_sft']
