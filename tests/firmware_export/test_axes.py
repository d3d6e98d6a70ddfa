import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_export.axes import (
    Axis,
    PaddedAxis,
    broadcast_axes,
    mean_axes,
    pad_axes,
    transpose_axes,
)
from firmware_export.errors import FirmwareExportError

SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(lambda rest: (1, *rest))


def walk(axes: list[Axis], of: int) -> list[int]:
    """The elements that nested loops over the axes visit."""
    offsets = [0]
    for axis in axes:
        offsets = [o + i * axis.strides[of] for o in offsets for i in range(axis.size)]
    return offsets


@settings(max_examples=100)
@given(SHAPES, st.data())
def test_a_broadcast_visits_what_numpy_visits(shape: tuple[int, ...], data: st.DataObject) -> None:
    keep = data.draw(st.lists(st.booleans(), min_size=len(shape), max_size=len(shape)))
    other = tuple(size if kept else 1 for size, kept in zip(shape, keep, strict=True))

    axes = broadcast_axes(shape, other, shape)

    expected = np.broadcast_to(np.arange(np.prod(other)).reshape(other), shape)
    assert walk(axes, 0) == list(range(int(np.prod(shape))))
    assert walk(axes, 1) == expected.ravel().tolist()


@settings(max_examples=100)
@given(SHAPES, st.randoms(use_true_random=False))
def test_a_transpose_visits_what_numpy_visits(shape: tuple[int, ...], random: object) -> None:
    rest = list(range(1, len(shape)))
    random.shuffle(rest)  # type: ignore[attr-defined]  # hypothesis' Random
    permutation = (0, *rest)

    axes = transpose_axes(shape, permutation)

    values = np.arange(np.prod(shape)).reshape(shape)
    assert walk(axes, 0) == values.transpose(permutation).ravel().tolist()


@settings(max_examples=100)
@given(SHAPES, st.data())
def test_a_mean_visits_each_cell_once(shape: tuple[int, ...], data: st.DataObject) -> None:
    reduced = data.draw(st.sets(st.integers(1, len(shape) - 1), min_size=1))

    kept, gone = mean_axes(shape, sorted(reduced))

    values = np.arange(np.prod(shape)).reshape(shape)
    order = [axis for axis in range(len(shape)) if axis not in reduced] + sorted(reduced)
    assert walk([*kept, *gone], 0) == values.transpose(order).ravel().tolist()


def test_a_mean_over_an_image_has_one_axis_of_each_kind() -> None:
    assert mean_axes((1, 5, 7, 8), (1, 2)) == ([Axis(8, (1,))], [Axis(35, (8,))])


def test_unpadded_inner_axes_are_merged() -> None:
    axes = pad_axes((1, 5, 6, 3), ((0, 0), (1, 2), (3, 4), (0, 0)))

    assert axes == [PaddedAxis(5, 1, 2), PaddedAxis(18, 9, 12)]


def test_padding_a_single_row_keeps_it() -> None:
    assert pad_axes((1, 1, 4), ((0, 0), (1, 0), (0, 0))) == [PaddedAxis(4, 4, 0)]


def test_padding_nothing_of_one_cell_is_one_axis() -> None:
    assert pad_axes((1, 1), ((0, 0), (0, 0))) == [PaddedAxis(1, 0, 0)]


def test_more_axes_than_the_kernels_take_are_refused() -> None:
    shape = (1, 2, 2, 2, 2, 2, 2, 2)

    with pytest.raises(FirmwareExportError, match="7 axes, at most 6"):
        transpose_axes(shape, (0, 7, 6, 5, 4, 3, 2, 1))
    with pytest.raises(FirmwareExportError, match="7 axes, at most 6"):
        pad_axes(shape, [(0, 0), *[(1, 0)] * 7])
