# SPDX-License-Identifier: Apache-2.0
"""Folders with tiny ONNX grounders that really look: words are colours, pixels are weighed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
import yaml

WORDS = {
    '[UNK]': (0, 0, 0), 'red': (1, -0.5, -0.5), 'green': (-0.5, 1, -0.5), 'blue': (-0.5, -0.5, 1),
    'void': (np.nan, 0, 0), 'not': (-9, -9, -9)}
LENGTH = 8
WIDTH, HEIGHT, CELL, ANCHOR = 160, 96, 4, 12
SHARPNESS, LEAST = 20.0, 0.35


def write_folder(
        folder: Path, *, kind: str = 'heat', fit: str = 'squeeze', layout: str = 'nchw',
        colours: str = 'rgb', form: str = 'cxcywh', unit: str = 'share', through: str = 'sigmoid',
        mask: bool = False, **changes: object) -> Path:
    """Write model, tokenizer and grounder.yaml; ``changes`` replace or (None) drop top fields."""
    folder.mkdir(parents=True, exist_ok=True)
    height = WIDTH if fit == 'pad' else HEIGHT
    save(_model(kind, layout, colours, form, unit, through, mask, height), folder / 'model.onnx')
    tokenizer = Tokenizer(models.WordLevel({word: k for k, word in enumerate(WORDS)}, '[UNK]'))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / 'tokenizer.json'))
    output = {'kind': 'heat', 'heat': 'heat', 'through': through} if kind == 'heat' else {
        'kind': 'boxes', 'boxes': 'boxes', 'form': form, 'unit': unit, 'scores': 'scores',
        'through': through}
    told = {
        'schema_version': 1,
        'image': {'input': 'picture', 'width': WIDTH, 'height': height, 'fit': fit,
                  'layout': layout, 'colours': colours},
        'text': {'tokenizer': 'tokenizer.json', 'length': LENGTH, 'ids': 'ids'},
        'output': output,
        'thresholds': {'striking': 0.9, 'likely': 0.4, 'confirmed': 0.5, 'least': 0.1}}
    if mask:
        told['image']['mask'], told['text']['mask'] = 'picture_mask', 'ids_mask'
    told |= changes
    (folder / 'grounder.yaml').write_text(yaml.safe_dump(
        {name: value for name, value in told.items() if value is not None}))
    return folder


def _model(kind, layout, colours, form, unit, through, mask, height):
    table = np.array(list(WORDS.values()), np.float32)
    if colours == 'bgr':
        table = table[:, ::-1]
    size = CELL if kind == 'heat' else ANCHOR
    rows, columns = ((side - size) // CELL + 1 for side in (height, WIDTH))
    shape = [1, 3, height, WIDTH] if layout == 'nchw' else [1, height, WIDTH, 3]
    inputs = [helper.make_tensor_value_info('picture', TensorProto.FLOAT, shape),
              helper.make_tensor_value_info('ids', TensorProto.INT64, [1, LENGTH])]
    held = {
        'table': table, 'middle': np.array([1], np.int64), 'least': np.float32(LEAST),
        'sharpness': np.float32(SHARPNESS), 'flat': np.array([1, 3, rows * columns], np.int64),
        'column': np.array([1, 3], np.int64), 'row': np.array([1, 1, 3], np.int64),
        'one': np.float32(1)}
    nodes = [
        helper.make_node('Gather', ['table', 'ids'], ['colours']),
        helper.make_node('ReduceSum', ['colours', 'middle'], ['query'], keepdims=1)]
    seen = 'picture'
    if layout == 'nhwc':
        nodes.append(helper.make_node('Transpose', [seen], ['turned'], perm=[0, 3, 1, 2]))
        seen = 'turned'
    if mask:  # a picture and words that are masked are not seen
        inputs += [helper.make_tensor_value_info(
            'picture_mask', TensorProto.INT64, [1, height, WIDTH]),
            helper.make_tensor_value_info('ids_mask', TensorProto.INT64, [1, LENGTH])]
        held['deep'] = np.array([1, 1, height, WIDTH], np.int64)
        nodes += [
            helper.make_node('Cast', ['picture_mask'], ['clear'], to=TensorProto.FLOAT),
            helper.make_node('Reshape', ['clear', 'deep'], ['clear4']),
            helper.make_node('Mul', [seen, 'clear4'], ['masked']),
            helper.make_node('ReduceMax', ['ids_mask'], ['any'], keepdims=0),
            helper.make_node('Cast', ['any'], ['said'], to=TensorProto.FLOAT)]
        seen, held['sharpness'] = 'masked', np.float32(SHARPNESS)
    nodes += [
        helper.make_node('AveragePool', [seen], ['pooled'], kernel_shape=[size] * 2,
                         strides=[CELL] * 2),
        helper.make_node('Reshape', ['pooled', 'flat'], ['cells']),
        helper.make_node('Reshape', ['query', 'row'], ['asked']),
        helper.make_node('MatMul', ['asked', 'cells'], ['likeness']),
        helper.make_node('Sub', ['likeness', 'least'], ['above']),
        helper.make_node('Mul', ['above', 'sharpness'], ['logits'])]
    last = 'logits'
    if through == 'none':
        nodes.append(helper.make_node('Sigmoid', ['logits'], ['shares']))
        last = 'shares'
    if kind == 'heat':
        held['shape'] = np.array([1, 1, rows, columns], np.int64)
        nodes.append(helper.make_node('Reshape', [last, 'shape'], ['heat']))
        outputs = [helper.make_tensor_value_info('heat', TensorProto.FLOAT, [1, 1, rows, columns])]
    else:
        held['shape'] = np.array([1, rows * columns, 1], np.int64)
        held['anchors'] = _anchors(rows, columns, height, form, unit)
        nodes += [helper.make_node('Reshape', [last, 'shape'], ['scores']),
                  helper.make_node('Mul', ['anchors', 'one'], ['boxes'])]
        outputs = [
            helper.make_tensor_value_info('boxes', TensorProto.FLOAT, [1, rows * columns, 4]),
            helper.make_tensor_value_info('scores', TensorProto.FLOAT, [1, rows * columns, 1])]
    del held['column']
    graph = helper.make_graph(nodes, 'tiny', inputs, outputs, [
        numpy_helper.from_array(np.asarray(value), name) for name, value in held.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)])
    model.ir_version = 8
    checker.check_model(model)
    return model


def _anchors(rows, columns, height, form, unit):
    top, left = np.mgrid[:rows, :columns] * CELL
    boxes = np.stack([left, top, left + ANCHOR, top + ANCHOR], axis=-1).reshape(1, -1, 4)
    if form == 'cxcywh':
        boxes = np.concatenate([(boxes[..., :2] + boxes[..., 2:]) / 2,
                                boxes[..., 2:] - boxes[..., :2]], axis=-1)
    if unit == 'share':
        boxes = boxes / [WIDTH, height, WIDTH, height]
    return boxes.astype(np.float32)
