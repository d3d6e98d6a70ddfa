from dataclasses import replace

import numpy as np
import pytest

from quantize.ir.graph import Array, FloatGraph
from quantize.ir.ops import Activation, FullyConnected, Operation
from quantize.ir.spec import check_float
from quantize.passes.merge_linear import merge_linear
from tests.float_graphs import assert_keeps_result
from tests.models import float_graph

SECOND = FullyConnected("a", "w2", "b2", "y", Activation.RELU)


def floats(*shape: int) -> Array:
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


def graph_of(*operations: Operation, inner: int = 5) -> FloatGraph:
    constants = {"w1": floats(inner, 8), "b1": floats(inner), "w2": floats(3, inner)}
    return float_graph(operations, {"x": (1, 2, 4)}, {**constants, "b2": floats(3)})


@pytest.mark.parametrize("bias", ["b1", None])
def test_two_layers_with_nothing_between_are_one(bias: str | None) -> None:
    graph = graph_of(FullyConnected("x", "w1", bias, "a"), SECOND)

    (result,) = merge_linear(graph).operations

    assert isinstance(result, FullyConnected)
    assert (result.input, result.output, result.activation) == ("x", "y", Activation.RELU)
    assert_keeps_result(merge_linear, graph)


def test_a_clamp_between_keeps_them_apart() -> None:
    graph = graph_of(FullyConnected("x", "w1", None, "a", Activation.RELU), SECOND)

    assert merge_linear(graph).operations == graph.operations


def test_a_bottleneck_stays_where_one_layer_would_be_larger() -> None:
    graph = graph_of(FullyConnected("x", "w1", None, "a"), SECOND, inner=1)

    assert merge_linear(graph).operations == graph.operations


def test_a_result_that_is_returned_as_well_stays() -> None:
    graph = graph_of(FullyConnected("x", "w1", None, "a"), SECOND)
    both = check_float(replace(graph, outputs=("a", "y")))

    assert merge_linear(both).operations == graph.operations
