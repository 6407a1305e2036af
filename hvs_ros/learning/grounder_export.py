# SPDX-License-Identifier: Apache-2.0
"""From a trained network to the file the built-in planner reads: calibrated, with its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hvs_ros.learning.grounder_model import GrounderNet
from hvs_ros.learning.grounder_training import Views, questions_of
from hvs_ros.planners.words import LENGTH, encode
from hvs_ros.scenes.splits import Allowed

BINS = 15
OPSET = 17


def beliefs(
        net: GrounderNet, views: Views, vocabulary: Sequence[str],
        seed: int = 11) -> tuple[np.ndarray, np.ndarray]:
    """Return (n,) log odds of "in view" and (n,) whether it is, over questions of val views."""
    rng = np.random.default_rng(seed)
    odds, there = [], []
    with torch.inference_mode():
        for number in range(len(views)):
            image, _, _ = views.view(number)
            asked = questions_of(rng, views, number, 2, Allowed('val'))
            words = torch.from_numpy(np.stack(
                [encode(question.sentence, vocabulary) for question in asked]))
            view = torch.from_numpy(image).permute(2, 0, 1)[None].float()
            logits = net.heat(net.trunk(view).repeat_interleave(len(asked), 0), words)
            odds += (logits[:, :-1].logsumexp(1) - logits[:, -1]).tolist()
            there += [question.target[-1] == 0 for question in asked]
    return np.array(odds), np.array(there)


def best_temperature(odds: np.ndarray, there: np.ndarray) -> float:
    """Return what the log odds are divided by for the least log loss on validation views."""
    candidates = np.geomspace(0.3, 4.0, 80)
    signed = np.where(there, odds, -odds)
    losses = [np.logaddexp(0, -signed / candidate).mean() for candidate in candidates]
    return float(candidates[int(np.argmin(losses))])


def calibration_error(odds: np.ndarray, there: np.ndarray, temperature: float) -> float:
    """
    Return the expected calibration error of "not in view" in 15 bins of equal width.

    Guo et al., On Calibration of Modern Neural Networks (2017), eq. 3.
    """
    gone = 1.0 / (1.0 + np.exp(odds / temperature))
    place = np.minimum((gone * BINS).astype(int), BINS - 1)
    return float(sum(
        (place == k).mean() * abs(gone[place == k].mean() - (~there[place == k]).mean())
        for k in range(BINS) if (place == k).any()))


def export(
        net: GrounderNet, path: Path, vocabulary: Sequence[str], temperature: float,
        thresholds: Mapping[str, float], about: Mapping[str, Any]) -> None:
    """Write the network as ONNX with what reads it needs: words, temperature, thresholds."""
    import onnx
    net.eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        net, (torch.zeros(1, 3, 180, 320), torch.zeros(1, LENGTH, dtype=torch.long)), str(path),
        input_names=['view', 'words'], output_names=['logits'], opset_version=OPSET,
        dynamo=False)
    model = onnx.load(str(path))
    told = {'vocabulary': json.dumps(list(vocabulary)), 'temperature': f'{temperature:.4f}',
            'thresholds': json.dumps(dict(thresholds)), 'about': json.dumps(dict(about))}
    for key, value in told.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.save(model, str(path))
