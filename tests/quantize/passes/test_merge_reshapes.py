import numpy as np
from hypothesis import given, settings

from quantize.ir.graph import FloatGraph
from quantize.ir.ops import Activate, Activation, FullyConnected, Reshape
from quantize.passes.merge_reshapes import merge_reshapes
from tests.float_graphs import assert_keeps_result, float_graphs
from tests.models import float_graph


@settings(max_examples=80, deadline=None)
@given(graph=float_graphs())
def test_the_result_stays(graph: FloatGraph) -> None:
    assert_keeps_result(merge_reshapes, graph)


def test_several_become_one() -> None:
    operations = (Reshape("x", "a"), Reshape("a", "y"))
    graph = float_graph(operations, {"x": (1, 6)}, {}, declared={"a": (1, 2, 3), "y": (1, 3, 2)})

    assert merge_reshapes(graph).operations == (Reshape("x", "y"),)


def test_there_and_back_vanishes() -> None:
    operations = (Reshape("x", "a"), Reshape("a", "b"), Activate("b", "y", Activation.RELU))
    graph = float_graph(operations, {"x": (1, 6)}, {}, declared={"a": (1, 2, 3), "b": (1, 6)})

    assert merge_reshapes(graph).operations == (Activate("x", "y", Activation.RELU),)


def test_none_stays_before_a_fully_connected_layer() -> None:
    operations = (Reshape("x", "a"), FullyConnected("a", "w", None, "y"))
    constants = {"w": np.ones((4, 6), np.float32)}
    graph = float_graph(operations, {"x": (1, 1, 2, 3)}, constants, declared={"a": (1, 6)})

    assert merge_reshapes(graph).operations == (FullyConnected("x", "w", None, "y"),)


def test_one_that_other_operations_read_stays_for_them() -> None:
    operations = (
        Reshape("x", "a"),
        Activate("a", "z", Activation.RELU),
        FullyConnected("a", "w", None, "y"),
    )
    constants = {"w": np.ones((4, 6), np.float32)}
    graph = float_graph(operations, {"x": (1, 2, 3)}, constants, declared={"a": (1, 6)})

    result = merge_reshapes(graph)

    assert [operation.output for operation in result.operations] == ["a", "z", "y"]
    assert result.operations[-1] == FullyConnected("x", "w", None, "y")
