# SPDX-License-Identifier: Apache-2.0
"""What the tests of trainers share: a folder of small searches, and teaching a model by heart."""

from __future__ import annotations

from collections.abc import Sequence
import json
from pathlib import Path

import cv2
import numpy as np
import torch

ITEMS = [
    {'task': 'Find the lamp', 'yaw': [80.0, 100.0], 'pitch': [-10.0, 10.0], 'initial yaw': [0]},
    {'task': 'Find the door', 'yaw': [80.0, 110.0], 'pitch': [-5.0, 5.0], 'initial yaw': [40]}]
VIEW = {'resolution': 63}
"""Views of 112x63, which cost a tiny Qwen2.5-VL eight tokens."""


def write_searches(root: Path) -> Path:
    """Write one scene with two searches whose targets lie at yaw 90."""
    folder = root / 'room'
    folder.mkdir(parents=True)
    (folder / 'annotation.json').write_text(json.dumps(ITEMS))
    coarse = np.random.default_rng(0).integers(0, 255, (8, 16, 3), dtype=np.uint8)
    panorama = cv2.resize(coarse, (512, 256), interpolation=cv2.INTER_LINEAR)
    assert cv2.imwrite(str(folder / 'pano_0.png'), panorama)
    return root


def learn_by_heart(
        model: torch.nn.Module, processor, dialogues: Sequence[Sequence[dict]], *,
        steps: int, tools: list | None = None) -> float:
    """Train the model on the replies in the dialogues and return the last loss."""
    rows = [tokens_and_labels(processor, dialogue, tools) for dialogue in dialogues]
    longest = max(len(ids) for ids, _, _ in rows)
    pad = processor.tokenizer.pad_token_id
    ids = torch.tensor([one + [pad] * (longest - len(one)) for one, _, _ in rows])
    labels = torch.tensor([one + [-100] * (longest - len(one)) for _, one, _ in rows])
    images = processor.image_processor(
        images=[image for _, _, views in rows for image in views], return_tensors='pt')
    batch = {
        'input_ids': ids, 'labels': labels, 'attention_mask': (ids != pad).long(), **images,
        'mm_token_type_ids': (ids == processor.image_token_id).int()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=steps)
    model.train()
    for _ in range(steps):
        loss = model(**batch).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return loss.item()


def tokens_and_labels(
        processor, dialogue: Sequence[dict], tools: list | None) -> tuple[list, list, list]:
    """Return a dialogue's tokens, the replies' tokens (the others -100), and its images."""
    views = [
        part['image'] for message in dialogue for part in message['content']
        if part['type'] == 'image']
    text = processor.apply_chat_template(dialogue, tools=tools, tokenize=False)
    ids = processor(text=[text], images=views)['input_ids'][0]
    labels, inside = [-100] * len(ids), False
    cue = processor.tokenizer('<|im_start|>assistant\n')['input_ids']
    for place, token in enumerate(ids):
        inside = inside or ids[place - len(cue):place] == cue
        if inside:
            labels[place] = token
            inside = token != processor.tokenizer.eos_token_id
    return list(ids), labels, views
