import numpy as np
from hypothesis import given, settings

from quantize.ir.graph import FloatGraph
from quantize.ir.ops import AveragePool2D, Conv2D, MaxPool2D, Mul, Pad, Padding, PadFill
from quantize.ir.shapes import same_padding
from quantize.passes.explicit_padding import explicit_padding
from tests.float_graphs import assert_keeps_result, float_graphs
from tests.models import float_graph

SYMMETRIC = Padding(1, 1, 1, 1)
AMOUNTS = ((0, 0), (1, 1), (1, 1), (0, 0))
WEIGHT = {"w": np.ones((2, 3, 3, 1), np.float32)}
IMAGE = {"x": (1, 8, 8, 1)}


@settings(max_examples=80, deadline=None)
@given(graph=float_graphs())
def test_the_result_stays(graph: FloatGraph) -> None:
    assert_keeps_result(explicit_padding, graph)


def test_symmetric_padding_with_stride_2_is_a_pad() -> None:
    conv = Conv2D("x", "w", None, "y", stride=(2, 2), padding=SYMMETRIC)

    result = explicit_padding(float_graph((conv,), IMAGE, WEIGHT))

    assert result.operations == (
        Pad("x", "y/padded", AMOUNTS),
        Conv2D("y/padded", "w", None, "y", stride=(2, 2)),
    )


def test_same_padding_stays() -> None:
    same = same_padding((8, 8), (3, 3), (2, 2), (1, 1))
    graph = float_graph((Conv2D("x", "w", None, "y", (2, 2), padding=same),), IMAGE, WEIGHT)

    assert explicit_padding(graph).operations == graph.operations


def test_a_max_pool_is_padded_with_the_lowest_value() -> None:
    pool = MaxPool2D("x", "y", (3, 3), (2, 2), SYMMETRIC)

    pad = explicit_padding(float_graph((pool,), IMAGE, {})).operations[0]

    assert pad == Pad("x", "y/padded", AMOUNTS, PadFill.LOWEST)


def test_an_average_pool_is_brought_back_to_the_mean_of_what_counts() -> None:
    graph = float_graph((AveragePool2D("x", "y", (3, 3), (2, 2), SYMMETRIC),), IMAGE, {})

    result = explicit_padding(graph)

    assert [type(operation) for operation in result.operations] == [Pad, AveragePool2D, Mul]
    share = result.constants["y/share_counted"][0, :, :, 0]
    assert share[0, 0] == np.float32(9 / 4)
    assert share[0, 1] == np.float32(9 / 6)
    assert share[1, 1] == 1
    assert_keeps_result(explicit_padding, graph)


def test_equal_pads_of_one_tensor_are_shared() -> None:
    convs = [Conv2D("x", "w", None, name, (2, 2), padding=SYMMETRIC) for name in ("y", "z")]

    result = explicit_padding(float_graph(convs, IMAGE, WEIGHT))

    assert [type(operation) for operation in result.operations] == [Pad, Conv2D, Conv2D]
