import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from quantize.ir.graph import Array
from quantize.load.onnx_layout import (
    View,
    arranged_view,
    axes_of,
    place_constant,
    plain_view,
    reshaped,
    source_positions,
    transposed,
)

SIZES = st.sampled_from([1, 2, 3, 4, 6])


@st.composite
def looked_at(draw: st.DrawFn) -> tuple[View, Array, Array]:
    """Return a view after some moves, what ONNX has, and what the graph stores."""
    shape = (1, *draw(st.lists(SIZES, min_size=1, max_size=4)))
    axes = tuple(draw(st.permutations(range(1, len(shape)))))
    source = np.arange(np.prod(shape)).reshape(shape)
    view, stored = arranged_view("t", shape, axes), source.transpose(0, *axes)
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            moves = (0, *draw(st.permutations(range(1, source.ndim))))
            view, source = transposed(view, moves), source.transpose(moves)
        else:
            target = draw(_regrouped(source.shape))
            next_view = reshaped(view, target)
            if next_view is not None:
                view, source = next_view, source.reshape(target)
    return view, source, stored


@st.composite
def _regrouped(draw: st.DrawFn, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape of as many values: neighbours merged, even sizes split, ones put in."""
    sizes: list[int] = []
    for size in shape[1:]:
        if size % 2 == 0 and draw(st.booleans()):
            sizes += [2, size // 2]
        elif sizes and draw(st.booleans()):
            sizes[-1] *= size
        else:
            sizes.append(size)
    if draw(st.booleans()):
        sizes.insert(draw(st.integers(0, len(sizes))), 1)
    return (1, *sizes)


@settings(max_examples=150, deadline=None)
@given(looked_at())
def test_a_view_finds_every_value_where_numpy_puts_it(case: tuple[View, Array, Array]) -> None:
    view, source, stored = case

    assert view.shape == source.shape
    assert view.stored == stored.shape
    np.testing.assert_array_equal(source.ravel()[source_positions(view)], stored.ravel())


@settings(max_examples=150, deadline=None)
@given(looked_at(), st.data())
def test_a_placed_constant_meets_the_values_that_onnx_lets_it_meet(
    case: tuple[View, Array, Array], data: st.DataObject
) -> None:
    view, source, stored = case
    keep = data.draw(st.lists(st.booleans(), min_size=source.ndim, max_size=source.ndim))
    shape = [size if kept else 1 for size, kept in zip(source.shape, keep, strict=True)]
    constant = 1000 * np.arange(1, 1 + np.prod(shape)).reshape(shape)

    placed = stored + place_constant(view, constant)

    expected = (source + constant).ravel()[source_positions(view)]
    np.testing.assert_array_equal(placed.ravel(), expected)
    assert placed.shape == stored.shape


@settings(max_examples=100, deadline=None)
@given(looked_at())
def test_the_order_of_axes_is_true_where_there_is_one(case: tuple[View, Array, Array]) -> None:
    view, source, stored = case

    axes = axes_of(view)

    if axes is not None:
        np.testing.assert_array_equal(source.transpose(0, *axes).ravel(), stored.ravel())


def test_a_reshape_that_cuts_across_axes_needs_the_values_in_order() -> None:
    assert reshaped(plain_view("t", (1, 2, 3)), (1, 3, 2)) is None


def test_a_flattened_image_comes_apart_again() -> None:
    image = arranged_view("t", (1, 3, 4, 5), (2, 3, 1))

    flat = reshaped(image, (1, 60))

    assert flat is not None
    assert reshaped(flat, (1, 3, 4, 5)) == image
