"""Operations in int16 and in float32 in both files: read back equal, and run by ONNX Runtime."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantize.emit.onnx_qdq import CODES_SUFFIX, emit_qdq_onnx
from quantize.emit.tflite_int8 import emit_tflite
from quantize.executors import OnnxRunner
from quantize.ir.graph import Array, DType, Graph, IntGraph, TensorType
from quantize.ir.interpreter import execute
from quantize.ir.ops import Conv2D, Dequantize, FullyConnected, Operation, Quantize
from quantize.ir.spec import check_integer
from quantize.load.onnx_qdq import load_qdq_onnx
from quantize.load.tflite_model import load_int8_tflite
from quantize.report.codes import reals_by_name
from tests.models import int8, quant, random_inputs
from tests.wide_strategies import REAL_KINDS, WIDE_KINDS, border_graphs, real_graphs, wide_graphs

KINDS = {f"{kind} in int16": (wide_graphs, kind) for kind in WIDE_KINDS}
KINDS |= {f"{kind} in float": (real_graphs, kind) for kind in REAL_KINDS}
GRAPHS = {name: make(kind) for name, (make, kind) in KINDS.items()}
GRAPHS["border"] = border_graphs()
STEPS = {"softmax in int16": 27, "logistic in int16": 3, "tanh in int16": 4}
"""Codes by which ONNX Runtime, which computes in float32, is off where TFLite looks up tables.

Else it is at most 1. The softmax, whose table ends at exp(-10), is off by 2 a class and 3 more.
"""


def onnx_answer(graph: IntGraph, inputs: dict[str, Array]) -> Array:
    runner = OnnxRunner(emit_qdq_onnx(graph, ["y"]))
    return runner(reals_by_name(graph, inputs))["y" + CODES_SUFFIX]


@pytest.mark.parametrize("kind", GRAPHS)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_both_files_read_back_equal(kind: str, data: st.DataObject) -> None:
    graph = data.draw(GRAPHS[kind])

    onnx, tflite = emit_qdq_onnx(graph), emit_tflite(graph)

    assert load_qdq_onnx(onnx, "file") == graph
    assert emit_qdq_onnx(load_qdq_onnx(onnx, "file")) == onnx
    if kind != "border":  # which another file has as its edge
        assert load_int8_tflite(tflite, "file") == graph


@pytest.mark.ort
@pytest.mark.parametrize("kind", GRAPHS)
@settings(max_examples=12, deadline=None)
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_onnx_runtime_is_near_the_interpreter(kind: str, data: st.DataObject, seed: int) -> None:
    graph = data.draw(GRAPHS[kind])
    inputs = random_inputs(graph, np.random.default_rng(seed), 3)

    computed, found = execute(graph, inputs)["y"], onnx_answer(graph, inputs)

    if graph.tensors["y"].dtype is DType.FLOAT32:
        least = 2e-5 * np.abs(computed).max()
        np.testing.assert_allclose(found, computed, rtol=2e-5, atol=least)
    else:
        apart = np.abs(found.astype(np.int64) - computed)
        assert apart.max() <= STEPS.get(kind, 1)


ISLANDS: dict[str, tuple[Operation, tuple[int, ...], tuple[int, ...]]] = {
    "conv": (Conv2D("real x", "w", "b", "real y"), (1, 4, 4, 3), (4, 1, 1, 3)),
    "fully connected": (FullyConnected("real x", "w", "b", "real y"), (1, 30), (4, 30)),
}


@pytest.mark.ort
@pytest.mark.parametrize("kind", ISLANDS)
def test_onnx_runtime_does_not_round_the_weights_of_an_island(
    kind: str, rng: np.random.Generator
) -> None:
    graph = _island(*ISLANDS[kind], rng)
    inputs = random_inputs(graph, rng, 50)

    apart = onnx_answer(graph, inputs) - execute(graph, inputs)["y"].astype(int)

    assert not apart.any()
    assert load_int8_tflite(emit_tflite(graph), "file") == graph
    assert load_qdq_onnx(emit_qdq_onnx(graph), "file") == graph


def _island(
    operation: Operation,
    image: tuple[int, ...],
    weight: tuple[int, ...],
    rng: np.random.Generator,
) -> IntGraph:
    """Return an operation in float32 within int8; a great weight makes int8 weights hopeless."""
    shape = (*image[:-1], weight[0])
    values = rng.normal(0.0, 0.3, weight).astype(np.float32)
    values.flat[0] = 30.0
    tensors = {
        "x": int8(image, quant(0.03, 5)),
        "real x": TensorType(image),
        "w": TensorType(weight),
        "b": TensorType((weight[0],)),
        "real y": TensorType(shape),
        "y": int8(shape, quant(0.05, -3)),
    }
    constants = {"w": values, "b": rng.normal(0.0, 1.0, weight[0]).astype(np.float32)}
    operations = (Dequantize("x", "real x"), operation, Quantize("real y", "y"))
    return check_integer(Graph("island", ("x",), ("y",), tensors, constants, operations))
