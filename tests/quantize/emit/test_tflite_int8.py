"""The emitted file: judged by the schema, by LiteRT, and by being loaded again."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings

from quantize.emit.tflite_int8 import emit_tflite
from quantize.ir.graph import DType, IntGraph, Profile, QuantParams, TensorType
from quantize.ir.ops import Add, Conv2D, FullyConnected, Pad, PadFill, Reshape
from quantize.load.tflite_model import load_int8_tflite
from tests.models import int8, int_graph, quant, random_inputs, tiny_classifier
from tests.strategies import single_operation_graphs
from tests.tflite_files import edited

pytestmark = pytest.mark.tflite


def _model(graph: IntGraph) -> schema.ModelT:
    return schema.ModelT.InitFromPackedBuf(emit_tflite(graph), 0)


@given(single_operation_graphs())
@settings(max_examples=150, deadline=None)
def test_a_file_loads_as_the_graph_that_it_was_made_from(graph: IntGraph) -> None:
    assert load_int8_tflite(emit_tflite(graph), "again") == graph


@pytest.mark.parametrize("profile", Profile)
def test_a_whole_network_loads_as_it_was_with_its_profile(profile: Profile) -> None:
    graph = tiny_classifier(profile=profile)

    assert load_int8_tflite(emit_tflite(graph), "again") == graph


def test_the_same_graph_gives_the_same_bytes() -> None:
    assert emit_tflite(tiny_classifier()) == emit_tflite(tiny_classifier())


def test_another_order_of_tensors_gives_the_same_bytes() -> None:
    graph = tiny_classifier()
    turned = IntGraph(
        graph.name,
        graph.inputs,
        graph.outputs,
        dict(reversed(graph.tensors.items())),
        dict(reversed(graph.constants.items())),
        graph.operations,
    )

    assert emit_tflite(turned) == emit_tflite(graph)


def test_the_file_says_who_it_is() -> None:
    data = emit_tflite(tiny_classifier())

    assert data[4:8] == b"TFL3"
    assert schema.Model.GetRootAs(data, 0).Version() == 3


def test_litert_finds_the_signature_with_the_names_of_the_tensors() -> None:
    interpreter = Interpreter(model_content=emit_tflite(tiny_classifier()))

    runner = interpreter.get_signature_runner("serving_default")

    assert list(runner.get_input_details()) == ["image"]
    assert list(runner.get_output_details()) == ["scores"]


def test_litert_reads_scales_and_zero_points_as_they_were() -> None:
    graph = tiny_classifier()
    interpreter = Interpreter(model_content=emit_tflite(graph))
    details = {detail["name"]: detail for detail in interpreter.get_tensor_details()}

    for name, tensor in graph.tensors.items():
        found = details[name]["quantization_parameters"]
        assert tensor.quant is not None
        assert tuple(found["scales"].tolist()) == tensor.quant.scale
        assert set(found["zero_points"].tolist()) == {tensor.quant.zero_point}
        assert found["quantized_dimension"] == (tensor.quant.axis or 0)


def test_default_kernels_run_the_file_with_any_batch() -> None:
    graph = tiny_classifier()
    interpreter = Interpreter(model_content=emit_tflite(graph))
    interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], (3, 8, 8, 3))
    interpreter.allocate_tensors()

    images = random_inputs(graph, np.random.default_rng(0), 3)["image"]
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images)
    interpreter.invoke()

    scores = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert scores.shape == (3, 5)


def test_a_reshape_keeps_the_batch_free() -> None:
    params = quant(0.1)
    tensors = {"x": int8((1, 2, 3), params), "y": int8((1, 6), params)}
    graph = int_graph([Reshape("x", "y")], tensors, {}, ["y"])
    interpreter = Interpreter(model_content=emit_tflite(graph))
    interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], (4, 2, 3))
    interpreter.allocate_tensors()
    interpreter.invoke()

    assert interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).shape == (4, 6)


def test_equal_constants_share_one_buffer() -> None:
    params, values = quant(0.1), np.arange(24, dtype=np.int8).reshape(1, 24)
    tensors = {name: int8((1, 24), params) for name in ("x", "a", "b", "y", "z")}
    operations = [Add("x", "a", "y"), Add("y", "b", "z")]
    graph = int_graph(operations, tensors, {"a": values, "b": values.copy()}, ["z"])

    model = _model(graph)

    by_name = {tensor.name: tensor.buffer for tensor in model.subgraphs[0].tensors}
    assert by_name[b"a"] == by_name[b"b"] != 0
    contents = [bytes(buffer.data) for buffer in model.buffers if buffer.data is not None]
    assert len(set(contents)) == len(contents)


def test_equal_vectors_and_names_are_written_once() -> None:
    data = emit_tflite(tiny_classifier())

    assert data.count(b"image\0") == 1
    assert len(data) < len(edited(data, lambda model: None))


def test_every_buffer_lies_on_16_bytes() -> None:
    data = emit_tflite(tiny_classifier())
    model = schema.Model.GetRootAs(data, 0)

    for number in range(model.BuffersLength()):
        buffer = model.Buffers(number)
        if buffer.DataLength():
            table = buffer._tab
            assert table.Vector(table.Offset(4)) % 16 == 0


def test_parameters_take_names_that_are_free() -> None:
    params = quant(0.1)
    tensors = {"x": int8((1, 2, 3), params), "parameter_1": int8((1, 6), params)}
    graph = int_graph([Reshape("x", "parameter_1")], tensors, {}, ["parameter_1"])

    assert load_int8_tflite(emit_tflite(graph), "again") == graph


def test_a_pad_with_the_lowest_value_says_so_even_where_that_is_zero() -> None:
    params = quant(0.1, -128)
    tensors = {"x": int8((1, 3), params), "y": int8((1, 5), params)}
    for fill in PadFill:
        graph = int_graph([Pad("x", "y", ((0, 0), (1, 1)), fill)], tensors, {}, ["y"])

        assert load_int8_tflite(emit_tflite(graph), "again") == graph


@pytest.mark.parametrize("axis", [0, None])
def test_a_single_channel_keeps_its_axis_or_its_lack_of_one(axis: int | None) -> None:
    weight = TensorType((1, 4), DType.INT8, QuantParams((0.5,), 0, axis))
    tensors = {"x": int8((1, 4), quant(0.5)), "w": weight, "y": int8((1, 1), quant(2.0))}
    constants = {"w": np.ones((1, 4), np.int8)}
    graph = int_graph([FullyConnected("x", "w", None, "y")], tensors, constants, ["y"])

    assert load_int8_tflite(emit_tflite(graph), "again") == graph


def test_a_convolution_without_bias_gets_one_for_litert_only() -> None:
    weight = TensorType((1, 1, 1, 1), DType.INT8, quant(0.5))
    shape = (1, 2, 2, 1)
    tensors = {"x": int8(shape, quant(0.5)), "w": weight, "y": int8(shape, quant(1.0))}
    constants = {"w": np.ones((1, 1, 1, 1), np.int8)}
    graph = int_graph([Conv2D("x", "w", None, "y")], tensors, constants, ["y"])

    operator = _model(graph).subgraphs[0].operators[0]

    assert len(operator.inputs) == 3
    assert load_int8_tflite(emit_tflite(graph), "again") == graph


def test_per_channel_fully_connected_is_refused_by_runtimes_that_predate_it() -> None:
    codes = {code.builtinCode: code.version for code in _model(tiny_classifier()).operatorCodes}

    assert codes[schema.BuiltinOperator.FULLY_CONNECTED] == 12
    assert codes[schema.BuiltinOperator.CONV_2D] == 3
