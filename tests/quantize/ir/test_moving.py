import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantize.errors import GraphError
from quantize.ir.moving import moved, moved_shape
from quantize.ir.moving_ops import (
    DepthToSpace,
    Gather,
    Moving,
    ResizeMode,
    ResizeNearest,
    Slice,
    SpaceToDepth,
)


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))
def test_depth_to_space_undoes_space_to_depth(
    block: int, rows: int, columns: int, channels: int
) -> None:
    image = np.arange(2 * rows * columns * channels * block**2)
    image = image.reshape(2, rows * block, columns * block, channels)

    deep = moved(SpaceToDepth("x", "y", block), image)

    assert deep.shape == moved_shape(SpaceToDepth("x", "y", block), image.shape)
    np.testing.assert_array_equal(moved(DepthToSpace("y", "x", block), deep), image)


def test_a_slice_backwards_reaches_the_first_value() -> None:
    values = np.arange(10).reshape(2, 5)

    found = moved(Slice("x", "y", (0, 4), (1, 3), (1, -2)), values)

    assert found.tolist() == [[4, 2, 0], [9, 7, 5]]


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (Slice("x", "y", (0, 0), (1, 4), (1, 1)), "2 axes are cut"),
        (Slice("x", "y", (0, 0, 0, 0), (2, 4, 4, 4), (1, 1, 1, 1)), "cuts the batch"),
        (Slice("x", "y", (0, 2, 0, 0), (1, 3, 4, 4), (1, 1, 1, 1)), "3 values from 2 by 1 of 4"),
        (Slice("x", "y", (0, 2, 0, 0), (1, 2, 4, 4), (1, 0, 1, 1)), "by 0"),
        (Gather("x", "y", 0, (0,)), "the batch"),
        (Gather("x", "y", 1, (4,)), r"indices \(4,\) of 4 values"),
        (Gather("x", "y", 1, ()), "indices"),
        (ResizeNearest("x", "y", (0, 1), ResizeMode.ASYMMETRIC), "expected an image"),
        (SpaceToDepth("x", "y", 3), "whole squares of 3"),
        (DepthToSpace("x", "y", 3), "3 x 3 channels"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(operation: Moving, reason: str) -> None:
    with pytest.raises(GraphError, match=f"y: .*{reason}"):
        moved_shape(operation, (1, 4, 4, 4))
