import pytest
from hypothesis import given, settings

from quantize.ir.graph import FloatGraph
from quantize.ir.ops import Activate, Activation, Add, Concat, MaxPool2D
from quantize.passes.fuse_activations import fuse_activations
from tests.float_graphs import assert_keeps_result, float_graphs
from tests.models import float_graph

NONE, RELU, RELU6 = Activation.NONE, Activation.RELU, Activation.RELU6


@settings(max_examples=80, deadline=None)
@given(graph=float_graphs())
def test_the_result_stays(graph: FloatGraph) -> None:
    assert_keeps_result(fuse_activations, graph)


@pytest.mark.parametrize("clamp", [RELU, RELU6])
def test_a_clamp_goes_into_its_producer(clamp: Activation) -> None:
    operations = (Add("x", "z", "a"), Activate("a", "y", clamp))
    graph = float_graph(operations, {"x": (1, 3), "z": (1, 3)}, {})

    assert fuse_activations(graph).operations == (Add("x", "z", "y", clamp),)


@pytest.mark.parametrize(
    ("first", "second", "both"), [(RELU, RELU6, RELU6), (RELU6, RELU, RELU6), (RELU, RELU, RELU)]
)
def test_two_clamps_are_the_narrower_one(
    first: Activation, second: Activation, both: Activation
) -> None:
    operations = (MaxPool2D("x", "a", (2, 2), (1, 1), activation=first), Activate("a", "y", second))
    graph = float_graph(operations, {"x": (1, 3, 3, 1)}, {})

    assert [op.activation for op in fuse_activations(graph).operations] == [both]
    assert_keeps_result(fuse_activations, graph)


def test_what_is_read_without_the_clamp_keeps_it_outside() -> None:
    operations = (
        Add("x", "x", "a"),
        Activate("a", "b", RELU),
        Add("a", "b", "y"),
    )
    graph = float_graph(operations, {"x": (1, 3)}, {})

    assert fuse_activations(graph).operations == operations


def test_operations_that_cannot_clamp_keep_it_outside() -> None:
    operations = (Concat(("x", "x"), "a", 1), Activate("a", "y", RELU))
    graph = float_graph(operations, {"x": (1, 3)}, {})

    assert fuse_activations(graph).operations == operations
