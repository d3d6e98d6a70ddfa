from hypothesis import given, settings

from quantize.ir.graph import FloatGraph
from quantize.ir.ops import Activate, Activation, Reshape, Transpose
from quantize.passes.cancel_transposes import cancel_transposes
from tests.float_graphs import assert_keeps_result, float_graphs
from tests.models import float_graph

TO_FIRST, TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)


@settings(max_examples=80, deadline=None)
@given(graph=float_graphs())
def test_the_result_stays(graph: FloatGraph) -> None:
    assert_keeps_result(cancel_transposes, graph)


def test_there_and_back_vanishes() -> None:
    operations = (
        Transpose("x", "a", TO_FIRST),
        Transpose("a", "b", TO_LAST),
        Activate("b", "y", Activation.RELU),
    )
    graph = float_graph(operations, {"x": (1, 2, 3, 4)}, {})

    assert cancel_transposes(graph).operations == (Activate("x", "y", Activation.RELU),)


def test_several_become_one() -> None:
    operations = (Transpose("x", "a", TO_FIRST), Transpose("a", "y", TO_FIRST))
    graph = float_graph(operations, {"x": (1, 2, 3, 4)}, {})

    assert cancel_transposes(graph).operations == (Transpose("x", "y", TO_LAST),)


def test_the_first_stays_where_something_else_reads_it() -> None:
    operations = (
        Transpose("x", "a", TO_FIRST),
        Activate("a", "z", Activation.RELU),
        Transpose("a", "b", TO_LAST),
        Activate("b", "y", Activation.RELU),
    )
    graph = float_graph(operations, {"x": (1, 2, 3, 4)}, {})

    result = cancel_transposes(graph)

    assert [operation.output for operation in result.operations] == ["a", "z", "y"]


def test_what_moves_only_axes_of_1_is_a_reshape() -> None:
    graph = float_graph((Transpose("x", "y", TO_FIRST),), {"x": (1, 5, 1, 1)}, {})

    assert cancel_transposes(graph).operations == (Reshape("x", "y"),)


def test_an_output_keeps_its_name() -> None:
    operations = (Transpose("x", "a", TO_FIRST), Transpose("a", "y", TO_LAST))
    graph = float_graph(operations, {"x": (1, 2, 3, 4)}, {})

    assert cancel_transposes(graph).operations == (Reshape("x", "y"),)
