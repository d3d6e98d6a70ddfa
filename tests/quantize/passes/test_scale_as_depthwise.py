import numpy as np
import pytest
from hypothesis import given, settings

from quantize.ir.graph import FloatGraph
from quantize.ir.ops import Activate, Activation, Add, DepthwiseConv2D, MaxPool2D, Mul, Operation
from quantize.passes.scale_as_depthwise import scale_as_depthwise
from quantize.passes.simplify import simplify
from tests.float_graphs import assert_keeps_result, float_graphs
from tests.models import float_graph

CONSTANTS = {
    "c": np.array([1, -2, 3], np.float32).reshape(1, 1, 1, 3),
    "one": np.full((1, 1, 1, 1), 2, np.float32),
    "places": np.arange(20, dtype=np.float32).reshape(1, 5, 4, 1),
}


def graph_of(*operations: Operation) -> FloatGraph:
    return float_graph(operations, {"x": (1, 5, 4, 3)}, CONSTANTS)


@settings(max_examples=80, deadline=None)
@given(graph=float_graphs())
def test_the_result_stays(graph: FloatGraph) -> None:
    assert_keeps_result(scale_as_depthwise, graph)


def test_a_normalization_between_clamps_is_one_depthwise_convolution() -> None:
    graph = graph_of(
        MaxPool2D("x", "p", (2, 2), (1, 1)),
        Mul("p", "c", "a"),
        Add("c", "a", "b"),
        Activate("b", "y", Activation.RELU),
    )

    result = simplify(graph)

    assert [type(op) for op in result.operations] == [MaxPool2D, DepthwiseConv2D]
    assert_keeps_result(simplify, graph)


@pytest.mark.parametrize("constant", ["one", "places"])
def test_constants_that_are_not_per_channel_stay(constant: str) -> None:
    graph = graph_of(Mul("x", constant, "y"))

    assert scale_as_depthwise(graph).operations == graph.operations


def test_rows_stay() -> None:
    operations = (Mul("x", "c", "y"),)
    graph = float_graph(operations, {"x": (1, 3)}, {"c": np.ones((1, 3), np.float32)})

    assert scale_as_depthwise(graph).operations == operations
