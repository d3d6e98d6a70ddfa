import numpy as np
import pytest
from hypothesis import given, settings

from quantize.ir.graph import Array, FloatGraph
from quantize.ir.ops import (
    Activation,
    Add,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Mul,
    Operation,
    Pad,
    Padding,
)
from quantize.passes.fold_constants_arithmetic import fold_constants_arithmetic
from tests.float_graphs import assert_keeps_result, float_graphs
from tests.models import float_graph

IMAGE = {"x": (1, 5, 4, 3)}


def floats(*shape: int) -> Array:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


CONSTANTS = {
    "conv/w": floats(4, 2, 2, 3),
    "depthwise/w": floats(1, 2, 2, 6),
    "fc/w": floats(4, 60),
    "in": floats(1, 1, 1, 3),
    "conv/out": floats(1, 1, 1, 4),
    "depthwise/out": floats(6),
    "fc/out": floats(1, 4),
    "everywhere": floats(1, 5, 4, 3),
}


def layer(kind: str, source: str, output: str, padding: Padding = Padding()) -> Operation:  # noqa: B008  # frozen
    match kind:
        case "conv":
            return Conv2D(source, "conv/w", None, output, padding=padding)
        case "depthwise":
            return DepthwiseConv2D(source, "depthwise/w", None, output, padding=padding)
        case _:
            return FullyConnected(source, "fc/w", None, output)


def graph_of(*operations: Operation) -> FloatGraph:
    return float_graph(operations, IMAGE, CONSTANTS)


@settings(max_examples=150, deadline=None)
@given(graph=float_graphs())
def test_the_result_stays(graph: FloatGraph) -> None:
    assert_keeps_result(fold_constants_arithmetic, graph)


@pytest.mark.parametrize("kind", ["conv", "depthwise", "fc"])
def test_normalization_behind_a_layer_goes_into_it(kind: str) -> None:
    graph = graph_of(
        layer(kind, "x", "a"),
        Mul("a", f"{kind}/out", "b"),
        Add(f"{kind}/out", "b", "y", Activation.RELU),
    )

    result = fold_constants_arithmetic(graph)

    assert [operation.output for operation in result.operations] == ["y"]
    assert_keeps_result(fold_constants_arithmetic, graph)


@pytest.mark.parametrize("kind", ["conv", "depthwise", "fc"])
def test_normalization_in_front_of_a_layer_goes_into_it(kind: str) -> None:
    graph = graph_of(Add("x", "in", "a"), Mul("a", "in", "b"), layer(kind, "b", "y"))

    result = fold_constants_arithmetic(graph)

    assert [operation.output for operation in result.operations] == ["y"]
    assert_keeps_result(fold_constants_arithmetic, graph)


def test_a_fully_connected_layer_takes_in_a_constant_of_any_shape() -> None:
    graph = graph_of(Add("x", "everywhere", "a"), layer("fc", "a", "y"))

    assert len(fold_constants_arithmetic(graph).operations) == 1
    assert_keeps_result(fold_constants_arithmetic, graph)


def test_a_convolution_does_not() -> None:
    graph = graph_of(Add("x", "everywhere", "a"), layer("conv", "a", "y"))

    assert fold_constants_arithmetic(graph).operations == graph.operations


def test_a_sum_in_front_of_a_padded_convolution_stays() -> None:
    graph = graph_of(Add("x", "in", "a"), layer("conv", "a", "y", Padding(1, 1, 1, 1)))

    assert fold_constants_arithmetic(graph).operations == graph.operations


def test_a_sum_in_front_of_a_pad_stays() -> None:
    pad = Pad("a", "b", ((0, 0), (1, 1), (1, 1), (0, 0)))
    graph = graph_of(Add("x", "in", "a"), pad, layer("conv", "b", "y"))

    assert fold_constants_arithmetic(graph).operations == graph.operations


def test_a_product_in_front_of_a_padded_convolution_goes_into_it() -> None:
    graph = graph_of(Mul("x", "in", "a"), layer("conv", "a", "y", Padding(1, 1, 1, 1)))

    assert len(fold_constants_arithmetic(graph).operations) == 1
    assert_keeps_result(fold_constants_arithmetic, graph)


def test_a_clamp_between_stops_the_fold() -> None:
    conv = Conv2D("x", "conv/w", None, "a", activation=Activation.RELU)
    graph = graph_of(conv, Add("a", "conv/out", "y"))

    assert fold_constants_arithmetic(graph).operations == graph.operations


def test_a_layer_that_others_read_too_stays() -> None:
    graph = graph_of(layer("conv", "x", "a"), Add("a", "conv/out", "b"), Add("a", "b", "y"))

    assert fold_constants_arithmetic(graph).operations == graph.operations
