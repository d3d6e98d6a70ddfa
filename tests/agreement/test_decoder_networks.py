"""Whole networks with decoders, from ONNX to integers, and what LiteRT and C make of them."""

from collections.abc import Iterator

import numpy as np
import pytest

from firmware_export.program import plan_program
from firmware_export.target import TARGETS
from quantize.executors import Kernels
from quantize.integers import Batch, quantize_graph
from quantize.ir.float_executor import execute_float
from quantize.ir.graph import Array, FloatGraph, IntGraph, Profile
from quantize.ir.integer_params import quant_of
from quantize.ir.interpreter import trace
from quantize.load.onnx_model import load_onnx
from quantize.measure import onnx_executor, tflite_executor
from quantize.passes.simplify import simplify
from quantize.recipe import Recipe
from quantize.report.codes import to_reals
from quantize.report.parity import Executor, compare_operations, interpret
from quantize.report.proofs import prove
from tests.agreement.litert_reference import run_emitted
from tests.models import random_inputs
from tests.onnx_models import floats, integers, node, onnx_bytes

pytestmark = [pytest.mark.tflite, pytest.mark.ort]
SAMPLES = 24
LEAST_SQNR_DB = 25.0


def u_net() -> bytes:
    """Encoder, transposed convolution with its normalization, skip, bilinear head."""
    nodes = [
        node("Conv", "x w1 b1", "c1", pads=[1, 1, 1, 1]),
        node("Relu", "c1", "skip"),
        node("MaxPool", "skip", "down", kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", "down w2 b2", "c2", pads=[1, 1, 1, 1]),
        node("Relu", "c2", "bottom"),
        node(
            "ConvTranspose", "bottom w3 b3", "t", strides=[2, 2], pads=[1, 1, 1, 1],
            output_padding=[1, 1],
        ),
        node("BatchNormalization", "t s b3 m v", "n"),
        node("Relu", "n", "up"),
        node("Concat", "skip up", "both", axis=1),
        node("Conv", "both w4 b4", "c4"),
        node("Resize", "c4 - scales", "large", mode="linear"),
        node("Sigmoid", "large"),
    ]  # fmt: skip
    shapes = {"w1": (6, 3, 3, 3), "w2": (8, 6, 3, 3), "w3": (8, 6, 3, 3), "w4": (2, 12, 1, 1)}
    shapes |= {"b1": (6,), "b2": (8,), "b3": (6,), "b4": (2,), "s": (6,), "m": (6,)}
    constants = {n: 0.3 * floats(*s, seed=i) for i, (n, s) in enumerate(shapes.items())}
    constants |= {"v": np.ones(6, np.float32), "scales": np.array([1, 1, 2, 2], np.float32)}
    return onnx_bytes(nodes, {"x": ["N", 3, 8, 8]}, constants)


def detector() -> bytes:
    """A focus by slices, a split, nearest upsampling, a pixel shuffle, channels picked."""
    nodes = [
        *(node("Slice", f"x s{i} e a two", f"f{i}") for i in range(4)),
        node("Concat", "f0 f1 f2 f3", "focus", axis=1),
        node("Conv", "focus w1 b1", "c1", pads=[1, 1, 1, 1]),
        node("Relu", "c1", "r1"),
        node("Split", "r1 parts", "left right", axis=1),
        node("Conv", "right w2 b2", "c2", pads=[1, 1, 1, 1], strides=[2, 2]),
        node(
            "Resize", "c2 - scales", "up", mode="nearest", nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        ),
        node("Concat", "left up", "both", axis=1),
        node("DepthToSpace", "both", "shuffled", blocksize=2, mode="CRD"),
        node("Gather", "shuffled picked", axis=1),
    ]  # fmt: skip
    starts = {f"s{i}": integers(*at) for i, at in enumerate([(0, 0), (1, 0), (0, 1), (1, 1)])}
    bounds = {"e": integers(99, 99), "a": integers(2, 3), "two": integers(2, 2)}
    weights = {"w1": 0.2 * floats(8, 12, 3, 3), "w2": 0.3 * floats(8, 4, 3, 3, seed=1)}
    more = {"b1": floats(8), "b2": floats(8), "parts": integers(4, 4), "picked": integers(2, 0, 0)}
    scales = {"scales": np.array([1, 1, 2, 2], np.float32)}
    return onnx_bytes(
        nodes, {"x": ["N", 3, 16, 12]}, {**starts, **bounds, **weights, **more, **scales}
    )


NETWORKS = {"u-net": u_net, "detector": detector}


def quantized(name: str) -> tuple[FloatGraph, IntGraph, dict[str, Array]]:
    graph = simplify(load_onnx(NETWORKS[name](), name).graph)
    shape = graph.tensors["x"].shape[1:]
    samples = np.random.default_rng(3).normal(size=(SAMPLES, *shape)).astype(np.float32)

    def read(count: int) -> Iterator[Batch]:
        return ({"x": samples[i : i + count]} for i in range(0, SAMPLES, count))

    made = quantize_graph(graph, read, Recipe(profile=Profile.LITERT)).graph
    return graph, made, {"x": samples}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_keeps_its_result_and_every_executor_agrees(name: str) -> None:
    graph, made, inputs = quantized(name)
    quant = quant_of(made, "x")
    steps = np.rint(inputs["x"] / quant.scale[0]) + quant.zero_point
    codes = {"x": np.clip(steps, -128, 127).astype(np.int8)}

    computed = trace(made, codes)

    wanted = execute_float(graph, inputs)["y"]
    found = to_reals(computed["y"], quant_of(made, "y"))
    error = float(np.square(found - wanted).mean())
    assert 10 * np.log10(float(np.square(wanted).mean()) / error) >= LEAST_SQNR_DB
    np.testing.assert_array_equal(computed["y"], run_emitted(made, codes)["y"])
    assert plan_program(made, TARGETS["host"]).calls
    weighted = [each for each in made.operations if hasattr(each, "weight")]
    assert [proof.name for proof in prove(made)] == [each.output for each in weighted]


@pytest.mark.parametrize("executor", [onnx_executor, tflite_executor(Kernels.DEFAULT)])
@pytest.mark.parametrize("name", NETWORKS)
def test_no_operation_is_more_than_a_step_off_in_the_usual_runtimes(
    name: str, executor: Executor
) -> None:
    _, made, _ = quantized(name)
    codes = random_inputs(made, np.random.default_rng(4), 4)

    found = compare_operations(interpret(made, codes, traced=4, has_classes=False), executor)

    assert {each.name: each.max_lsb for each in found if each.max_lsb > 1} == {}


def test_a_transposed_convolution_that_is_not_refined_is_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    quantized("u-net")

    assert any("up: the weights of a transposed" in message for message in caplog.messages)
