"""Moved, interpolated and spread values in our QDQ files, as ONNX Runtime runs them."""

import math

import numpy as np
import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quantize.emit.onnx_qdq import CODES_SUFFIX, emit_qdq_onnx
from quantize.ir.graph import Array, IntGraph
from quantize.ir.interpreter import execute
from quantize.ir.moving_ops import ResizeBilinear, ResizeMode
from quantize.ir.ops import TransposeConv2D
from quantize.load.onnx_qdq import load_qdq_onnx
from tests.models import random_inputs
from tests.moving_strategies import MOVING_GRAPHS
from tests.transpose_conv_strategies import transpose_conv_graphs

pytestmark = pytest.mark.ort
KINDS = {**MOVING_GRAPHS, "transpose conv": transpose_conv_graphs}


def run_codes(graph: IntGraph, inputs: dict[str, Array]) -> Array:
    """Return the codes of "y" over a batch, given the codes of "x"."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    data = emit_qdq_onnx(graph, ["y"])
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    quant = graph.tensors["x"].quant
    assert quant is not None
    reals = (inputs["x"].astype(np.float32) - quant.zero_point) * np.float32(quant.scale[0])
    (codes,) = session.run(["y" + CODES_SUFFIX], {"x": reals.astype(np.float32)})
    return np.asarray(codes)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_the_file_is_read_back_and_runs_as_the_interpreter_does(
    kind: str, data: st.DataObject, seed: int
) -> None:
    graph = data.draw(KINDS[kind]())
    inputs = random_inputs(graph, np.random.default_rng(seed), 3)

    found = run_codes(graph, inputs).astype(int)

    assert load_qdq_onnx(emit_qdq_onnx(graph), "tiny") == graph
    assert np.abs(found - execute(graph, inputs)["y"]).max() <= allowed_steps(graph)


def allowed_steps(graph: IntGraph) -> int:
    """Return 0 where codes only move, 1 where they are computed.

    More for a bilinear resize whose ratio is no multiple of 2**-10.

    A rounded ratio shifts the last pixel by up to half of 2**-10 for each pixel before it, and a
    whole pixel is worth up to 255 codes.
    """
    (operation,) = graph.operations
    if not isinstance(operation, ResizeBilinear):
        return int(isinstance(operation, TransposeConv2D))
    shifts = 0.0
    for size, wanted in zip(graph.tensors["x"].shape[1:3], operation.size, strict=True):
        is_corners = operation.mode is ResizeMode.ALIGN_CORNERS and wanted > 1
        steps, parts = (size - 1, wanted - 1) if is_corners else (size, wanted)
        shifts += wanted / 2048 if 1024 * steps % parts else 0.0
    return 1 + math.ceil(255 * shifts)
