# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from hvs_ros.core.errors import InputError
from hvs_ros.planners.grounder_learned import LearnedGrounder, written_words
from hvs_ros.planners.grounder_onnx import (
    CELL,
    CELLS,
    PEAKS,
    SIZE,
    ZOOM,
    OnnxGrounder,
    Peak,
    _joined,
    peaks,
)
from hvs_ros.planners.sightings import Box

VIEW = np.zeros((540, 960, 3), np.uint8)
WORDS = ('blue', 'red')
THRESHOLDS = {'striking': 0.8, 'likely': 0.3, 'confirmed': 0.5, 'least': 0.3}


def heat(*spots):
    belief = np.zeros(CELLS)
    for row, column, share in spots:
        belief[row, column] = share
    return belief


def test_no_belief_is_no_peak():
    assert peaks(heat()) == []
    assert peaks(np.full(CELLS, 1e-6)) == []


@settings(max_examples=60, deadline=None, derandomize=True)
@given(row=st.integers(0, CELLS[0] - 1), column=st.integers(0, CELLS[1] - 1),
       share=st.floats(0.05, 1))
def test_a_spot_is_a_peak_at_the_middle_of_its_cell(row, column, share):
    peak, = peaks(heat((row, column, share)))
    assert peak.mass == pytest.approx(share)
    assert peak.box.centre == pytest.approx(((column + 0.5) * CELL, (row + 0.5) * CELL))


def test_cells_that_touch_are_one_peak_whose_middle_is_that_of_belief():
    peak, = peaks(heat((5, 10, 0.4), (5, 11, 0.2), (6, 11, 0.2)))
    assert peak.mass == pytest.approx(0.8)
    x, y = peak.box.centre
    assert x == pytest.approx((0.4 * 10.5 + 0.4 * 11.5) / 0.8 * CELL)
    assert y == pytest.approx((0.6 * 5.5 + 0.2 * 6.5) / 0.8 * CELL)
    assert peak.box.right - peak.box.left == pytest.approx(2 * CELL)


def test_peaks_come_strongest_first_and_weak_ones_not_at_all():
    found = peaks(heat((2, 2, 0.1), (10, 10, 0.5), (20, 30, 0.25), (2, 30, 0.01)))
    assert [round(peak.mass, 2) for peak in found] == [0.5, 0.25, 0.1]
    assert len(peaks(heat(*((4 * k, 4 * k, 0.1) for k in range(5))))) == PEAKS


def test_peaks_leave_the_heat_as_it_was():
    belief = heat((5, 5, 0.7))
    peaks(belief)
    assert belief[5, 5] == 0.7


def peak(x, y, mass, half=10):
    return Peak(Box(x - half, y - half, x + half, y + half), mass)


@pytest.mark.parametrize(('wide', 'near', 'masses'), [
    # beyond the middle the wide look stands
    ([peak(100, 100, 0.6)], [], [0.6]),
    # in the middle the close look decides, that it is there or that it is not
    ([peak(480, 270, 0.6)], [peak(482, 272, 0.9)], [0.9]),
    ([peak(480, 270, 0.6)], [], [1e-6]),
    # a close peak elsewhere in the middle does not save the wide one
    ([peak(480, 270, 0.6)], [peak(560, 330, 0.9)], [0.9, 1e-6]),
    # what was seen closely stands by itself
    ([], [peak(480, 270, 0.4)], [0.4]),
    ([peak(100, 100, 0.3), peak(480, 270, 0.6)], [peak(480, 270, 0.2)], [0.2, 0.3]),
    # at the rim of the enlarged middle a thing may be cut: the wide look stands
    ([peak(480 + 0.45 * 960 / ZOOM, 270, 0.6)], [], [0.6]),
])
def test_in_the_middle_the_enlarged_look_decides(wide, near, masses):
    assert [one.mass for one in _joined(wide, near, VIEW)] == masses


@pytest.mark.parametrize(('instruction', 'words'), [
    ('Go to gate B7', 'gate b7'), ('Take me to gate b 7, please', 'gate b7'),
    ('Walk to the stop of bus 43', 'bus 43'), ('room 214?', 'room 214'),
    ('PLATFORM 3', 'platform 3'), ('Head for platform 12b', 'platform 12b'),
    ('How do I get to the door of the bakery?', 'bakery'), ('the entrance of museum', 'museum'),
    ('the sign that says Exit', 'exit'), ('Find the red cup', ''), ('Go to the exit', ''),
    ('gate', ''), ('Find the room with the red cup', ''), ('', ''),
    ('Find the door of the', ''),
])
def test_what_a_sign_would_say_of_an_instruction(instruction, words):
    assert written_words(instruction) == words


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    """Write a network that sees red and blue: a real file of the form that training writes."""
    return write_model(tmp_path_factory.mktemp('model') / 'grounder.onnx')


def write_model(path, **told):
    onnx = pytest.importorskip('onnx')
    from onnx import TensorProto, helper, numpy_helper
    # BGR weights of a pad, an unknown word, a number, and the two words
    table = np.array(
        [[0, 0, 0]] * 3 + [[1, -0.5, -0.5], [-0.5, -0.5, 1]], np.float32) / 8
    held = {
        'table': table, 'words_axis': np.array([1], np.int64),
        'row': np.array([1, 1, 3], np.int64),
        'flat': np.array([1, 3, CELLS[0] * CELLS[1]], np.int64),
        'all': np.array([1, CELLS[0] * CELLS[1]], np.int64),
        'beyond': np.array([[12.0]], np.float32)}
    nodes = [
        helper.make_node('Gather', ['table', 'words'], ['told']),
        helper.make_node('ReduceSum', ['told', 'words_axis'], ['query'], keepdims=0),
        helper.make_node('Reshape', ['query', 'row'], ['asked']),
        helper.make_node('AveragePool', ['view'], ['cells'], kernel_shape=[CELL] * 2,
                         strides=[CELL] * 2, ceil_mode=1),
        helper.make_node('Reshape', ['cells', 'flat'], ['seen']),
        helper.make_node('MatMul', ['asked', 'seen'], ['heat']),
        helper.make_node('Reshape', ['heat', 'all'], ['cells_heat']),
        helper.make_node('Concat', ['cells_heat', 'beyond'], ['logits'], axis=1)]
    graph = helper.make_graph(
        nodes, 'eyes', [
            helper.make_tensor_value_info('view', TensorProto.FLOAT, [1, 3, *SIZE[::-1]]),
            helper.make_tensor_value_info('words', TensorProto.INT64, [1, 24])],
        [helper.make_tensor_value_info(
            'logits', TensorProto.FLOAT, [1, CELLS[0] * CELLS[1] + 1])],
        [numpy_helper.from_array(value, name) for name, value in held.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)])
    model.ir_version = 8
    for key, value in {'vocabulary': json.dumps(WORDS), 'temperature': '1.0',
                       'thresholds': json.dumps(THRESHOLDS), **told}.items():
        if value is not None:
            entry = model.metadata_props.add()
            entry.key, entry.value = key, value
    onnx.save(model, path)
    return path


def view(colour, x, y, half, size=(960, 540)):
    image = np.full((size[1], size[0], 3), 90, np.uint8)
    image[max(0, y - half):y + half, max(0, x - half):x + half] = colour
    return image


RED, BLUE = (30, 30, 210), (210, 30, 30)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(x=st.integers(40, 919), y=st.integers(40, 499), wide=st.sampled_from([960, 640, 320]))
def test_a_thing_is_found_where_it_is_by_either_look(model, x, y, wide):
    x, y = x * wide // 960, y * wide // 960
    image = view(RED, x, y, wide // 30, (wide, wide * 9 // 16))
    best = OnnxGrounder(model).locate(image, ['the red one'])[0]
    assert best.score > 0.8
    assert np.hypot(*np.subtract(best.box.centre, (x, y))) < 0.03 * wide


def test_words_decide_and_nothing_there_is_believed_nowhere(model):
    grounder = OnnxGrounder(model)
    image = view(RED, 300, 200, 30)
    assert grounder.locate(image, ['red'])[0].score > 0.8
    assert max((hit.score for hit in grounder.locate(image, ['blue'])), default=0) < 0.1
    assert max((hit.score for hit in grounder.locate(image, ['zorgly'])), default=0) < 0.1


def test_belief_and_not_in_view_make_one(model):
    grounder = OnnxGrounder(model)
    small = view(RED, 100, 60, 12, SIZE)
    share = grounder.belief(small, np.array([4] + [0] * 23))
    assert share.shape == CELLS and 0.8 < share.sum() <= 1
    nothing = grounder.belief(small, np.zeros(24, np.int64))
    assert nothing.sum() < 0.1


@pytest.mark.parametrize('path', ['sim/none.onnx', '.'])
def test_a_model_that_cannot_be_read_is_refused(tmp_path, path):
    with pytest.raises(InputError):
        OnnxGrounder(tmp_path / path)


@pytest.mark.parametrize('told', [
    {'vocabulary': None}, {'vocabulary': '{'}, {'temperature': 'warm'}, {'temperature': None},
    {'thresholds': '{"most": 1}'}, {'thresholds': None}])
def test_an_onnx_file_that_is_no_grounder_is_refused_by_name(tmp_path, told):
    file = write_model(tmp_path / 'x.onnx', **told)
    with pytest.raises(InputError, match=r'x\.onnx: not a grounder of this package') as caught:
        OnnxGrounder(file)
    assert '\n' not in str(caught.value)


def test_rubbish_is_no_model(tmp_path):
    (tmp_path / 'x.onnx').write_bytes(b'rubbish')
    with pytest.raises(InputError, match=r'x\.onnx: not an ONNX model'):
        OnnxGrounder(tmp_path / 'x.onnx')


def test_a_gate_whose_number_has_not_been_read_is_believed_in_less(model):
    image = view(RED, 300, 200, 30)
    plain = OnnxGrounder(model).locate(image, ['red gate B7'])[0]
    doubted = LearnedGrounder(model).locate(image, ['red gate B7'])[0]
    assert doubted.box == plain.box and doubted.score < 0.5 * plain.score
    assert LearnedGrounder(model).locate(image, ['red gate'])[0] == (
        OnnxGrounder(model).locate(image, ['red gate'])[0])
