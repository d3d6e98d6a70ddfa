import numpy as np
import pytest
from hypothesis import given, settings

from quantize.ir.graph import FloatGraph
from quantize.ir.ops import AveragePool2D, Conv2D, MaxPool2D, Operation, Pad, Padding, PadFill
from quantize.passes.fuse_pad import fuse_pad
from tests.float_graphs import assert_keeps_result, float_graphs
from tests.models import float_graph

AROUND = ((0, 0), (1, 2), (3, 4), (0, 0))
WEIGHT = {"w": np.ones((2, 3, 3, 1), np.float32)}
IMAGE = {"x": (1, 6, 6, 1)}


@settings(max_examples=80, deadline=None)
@given(graph=float_graphs())
def test_the_result_stays(graph: FloatGraph) -> None:
    assert_keeps_result(fuse_pad, graph)


def test_zeros_go_into_a_convolution_and_add_to_its_own() -> None:
    conv = Conv2D("a", "w", None, "y", padding=Padding(1, 1, 1, 1))
    graph = float_graph((Pad("x", "a", AROUND), conv), IMAGE, WEIGHT)

    (result,) = fuse_pad(graph).operations

    assert result == Conv2D("x", "w", None, "y", padding=Padding(2, 3, 4, 5))
    assert_keeps_result(fuse_pad, graph)


def test_lowest_values_go_into_a_max_pool() -> None:
    pad = Pad("x", "a", AROUND, PadFill.LOWEST)
    graph = float_graph((pad, MaxPool2D("a", "y", (5, 5), (1, 1))), IMAGE, {})

    (result,) = fuse_pad(graph).operations

    assert result == MaxPool2D("x", "y", (5, 5), (1, 1), Padding(1, 2, 3, 4))


@pytest.mark.parametrize(
    "reader", [MaxPool2D("a", "y", (2, 2), (1, 1)), AveragePool2D("a", "y", (2, 2), (1, 1))]
)
def test_zeros_stay_before_a_pool(reader: Operation) -> None:
    graph = float_graph((Pad("x", "a", AROUND), reader), IMAGE, {})

    assert len(fuse_pad(graph).operations) == 2


def test_padded_channels_stay() -> None:
    pad = Pad("x", "a", ((0, 0), (1, 1), (1, 1), (1, 1)))
    constants = {"w": np.ones((2, 3, 3, 3), np.float32)}
    graph = float_graph((pad, Conv2D("a", "w", None, "y")), IMAGE, constants)

    assert len(fuse_pad(graph).operations) == 2
