import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from quantize.emit.onnx_qdq import emit_qdq_onnx
from quantize.executors import OnnxRunner
from quantize.load.onnx_qdq import load_qdq_onnx
from quantize.onnx_signs import make_signed, make_unsigned
from tests.models import tiny_classifier


def _graph(data: bytes) -> onnx.GraphProto:
    return onnx.load_model_from_string(data).graph


def _types(graph: onnx.GraphProto, kind: str) -> set[int]:
    constants = {tensor.name: tensor for tensor in graph.initializer}
    nodes = [node for node in graph.node if node.op_type == kind]
    return {constants[node.input[2]].data_type for node in nodes if len(node.input) == 3}


def test_our_files_hold_uint8_activations_and_int8_weights() -> None:
    graph = _graph(emit_qdq_onnx(tiny_classifier()))
    constants = {tensor.name: tensor for tensor in graph.initializer}
    weights = {
        constants[node.input[0]].data_type
        for node in graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in constants
    }

    assert _types(graph, "QuantizeLinear") == {TensorProto.UINT8}
    assert weights == {TensorProto.INT8, TensorProto.INT32}
    assert len({tensor.name for tensor in graph.initializer}) == len(graph.initializer)


def test_there_and_back_is_the_graph_that_it_was() -> None:
    data = emit_qdq_onnx(tiny_classifier())
    model = onnx.load_model_from_string(data)

    make_signed(model.graph)

    assert _types(model.graph, "QuantizeLinear") == {TensorProto.INT8}
    assert load_qdq_onnx(model.SerializeToString(), "signed") == load_qdq_onnx(data, "unsigned")


@pytest.mark.ort
def test_both_signs_give_the_same_reals() -> None:
    data = emit_qdq_onnx(tiny_classifier())
    signed = onnx.load_model_from_string(data)
    make_signed(signed.graph)
    name = signed.graph.input[0].name
    x = {name: np.random.default_rng(0).random((4, 8, 8, 3), np.float32)}

    # every node as it stands: fused or not, int8 or uint8, would be a difference of its own
    found = OnnxRunner(data, optimize=False)(x)
    wanted = OnnxRunner(signed.SerializeToString(), optimize=False)(x)

    for output, values in wanted.items():
        np.testing.assert_array_equal(found[output], values)


def test_a_constant_that_is_added_is_an_activation() -> None:
    codes = numpy_helper.from_array(np.array([-128, 0, 127], np.int8), "codes")
    scale = numpy_helper.from_array(np.float32(0.5), "scale")
    zero = numpy_helper.from_array(np.int8(-3), "zero")
    nodes = [
        helper.make_node("DequantizeLinear", ["codes", "scale", "zero"], ["values"]),
        helper.make_node("Add", ["x", "values"], ["sum"]),
    ]
    graph = helper.make_graph(nodes, "sum", [], [], [codes, scale, zero])

    make_unsigned(graph)

    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    assert constants["codes"].tolist() == [0, 128, 255]
    assert constants[graph.node[0].input[2]] == 125
    assert "zero" not in constants
