"""Float and uint8 edges: the graph behind them is the same."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from quantize.errors import UnsupportedModelError
from quantize.ir.graph import DType
from quantize.ir.interpreter import execute
from quantize.ir.ops import Add, Dequantize, FullyConnected, Quantize
from quantize.load.tflite_model import is_int8_tflite, load_int8_tflite
from tests.agreement.litert_reference import run_reference
from tests.tflite_files import FileBuilder

pytestmark = pytest.mark.tflite
UINT8 = "QUANTIZE", "uint8", 0.05


def _dense(
    first: tuple[str, str, float | None] | None, last: tuple[str, str, float | None] | None
) -> bytes:
    """Return a fully connected layer between the edges: (operator, type, scale)."""
    builder = FileBuilder()
    x = builder.tensor("x", (1, 4), "int8", scale=0.05, zero_point=3)
    weight = np.arange(-6, 6).reshape(3, 4)
    w = builder.tensor("w", (3, 4), "int8", values=weight, scale=0.01)
    b = builder.tensor("b", (3,), "int32", values=np.array([5, 0, -5]), scale=0.0005)
    y = builder.tensor("y", (1, 3), "int8", scale=0.04, zero_point=-7)
    inputs, outputs = [x], [y]
    if first is not None:
        inputs = [builder.tensor("outer_x", (1, 4), first[1], scale=first[2], zero_point=131)]
        builder.operator(first[0], inputs, [x], schema.QuantizeOptionsT())
    builder.operator("FULLY_CONNECTED", [x, w, b], [y], schema.FullyConnectedOptionsT())
    if last is not None:
        outputs = [builder.tensor("outer_y", (1, 3), last[1], scale=last[2], zero_point=121)]
        builder.operator(last[0], [y], outputs)
    return builder.file(inputs, outputs)


@pytest.mark.parametrize("first", [None, ("QUANTIZE", "float32", None), UINT8])
@pytest.mark.parametrize(
    "last", [None, ("DEQUANTIZE", "float32", None), ("QUANTIZE", "uint8", 0.04)]
)
def test_edges_are_stripped_to_int8(first: tuple | None, last: tuple | None) -> None:
    data = _dense(first, last)

    graph = load_int8_tflite(data, "dense")

    assert is_int8_tflite(data)
    assert (graph.inputs, graph.outputs) == (("x",), ("y",))
    assert [type(operation) for operation in graph.operations] == [FullyConnected]
    assert graph == load_int8_tflite(_dense(None, None), "dense")


def test_float_values_mean_the_same_with_and_without_the_edges() -> None:
    data = _dense(("QUANTIZE", "float32", None), ("DEQUANTIZE", "float32", None))
    graph = load_int8_tflite(data, "dense")
    codes = np.arange(-10, 10).reshape(5, 4).astype(np.int8)

    outer = {"x": ((codes.astype(np.float32) - 3) * np.float32(0.05))}
    reference = run_reference(data, graph, outer)["y"]

    assert reference.dtype == np.float32
    inner = (execute(graph, {"x": codes})["y"].astype(np.float32) + 7) * np.float32(0.04)
    np.testing.assert_allclose(inner, reference, atol=1e-6)


def test_a_float_input_that_is_read_as_float_stays_float() -> None:
    builder = FileBuilder()
    x = builder.tensor("x", (1, 4))
    q = builder.tensor("q", (1, 4), "int8", scale=0.05)
    y = builder.tensor("y", (1, 4))
    builder.operator("QUANTIZE", [x], [q])
    builder.operator("RELU", [x], [y])

    graph = load_int8_tflite(builder.file([x], [q, y]), "mixed")

    assert {name: tensor.dtype for name, tensor in graph.tensors.items()} == {
        "x": DType.FLOAT32,
        "q": DType.INT8,
        "y": DType.FLOAT32,
    }


def test_a_float_island_in_the_middle_is_kept() -> None:
    builder = FileBuilder()
    x = builder.tensor("x", (1, 4), "int8", scale=0.05)
    inner = builder.tensor("inner", (1, 4))
    y = builder.tensor("y", (1, 4), "int8", scale=0.05)
    builder.operator("DEQUANTIZE", [x], [inner])
    builder.operator("QUANTIZE", [inner], [y])

    graph = load_int8_tflite(builder.file([x], [y]), "island")

    assert graph.operations == (Dequantize("x", "inner"), Quantize("inner", "y"))


def _sum_in_int16(*, is_power_of_two: bool) -> bytes:
    builder = FileBuilder()
    real = builder.tensor("real", (1, 4))
    x = builder.tensor("x", (1, 4), "int16", scale=0.01)
    y = builder.tensor("y", (1, 4), "int16", scale=0.02)
    out = builder.tensor("out", (1, 4))
    builder.operator("QUANTIZE", [real], [x])
    builder.operator("ADD", [x, x], [y], schema.AddOptionsT(potScaleInt16=is_power_of_two))
    builder.operator("DEQUANTIZE", [y], [out])
    return builder.file([real], [out])


def test_a_file_in_16x8_loses_its_float_edges_too() -> None:
    data = _sum_in_int16(is_power_of_two=False)

    graph = load_int8_tflite(data, "wide")

    assert is_int8_tflite(data)
    assert graph.operations == (Add("x", "x", "y"),)
    assert {graph.tensors[name].dtype for name in ("x", "y")} == {DType.INT16}


def test_sums_in_int16_by_powers_of_two_are_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="int16 scales that are powers of two"):
        load_int8_tflite(_sum_in_int16(is_power_of_two=True), "wide")
