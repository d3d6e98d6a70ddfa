"""Hypothesis strategies: legal graphs of one operation that moves or interpolates values."""

from collections.abc import Callable

from hypothesis import assume
from hypothesis import strategies as st

from quantize.errors import GraphError
from quantize.ir.graph import IntGraph, QuantParams
from quantize.ir.moving import moved_shape
from quantize.ir.moving_ops import (
    DepthToSpace,
    Gather,
    Moving,
    ResizeBilinear,
    ResizeMode,
    ResizeNearest,
    Slice,
    SpaceToDepth,
)
from tests.models import int8, int_graph

_quants = st.builds(
    lambda scale, zero: QuantParams((scale,), zero),
    st.floats(2**-10, 4.0, width=32),
    st.integers(-128, 127),
)
_ranks = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(lambda sizes: (1, *sizes))
_sizes = st.integers(1, 12)


@st.composite
def slice_graphs(draw: st.DrawFn) -> IntGraph:
    shape = draw(_ranks)
    places = [range(1), *(draw(_places(size)) for size in shape[1:])]
    columns = zip(*((each.start, len(each), each.step) for each in places), strict=True)
    starts, sizes, steps = (tuple(column) for column in columns)
    return _graph(Slice("x", "y", starts, sizes, steps), shape, draw(_quants))


@st.composite
def _places(draw: st.DrawFn, size: int) -> range:
    step = draw(st.sampled_from([1, 1, 2, 3, -1, -2]))
    start = draw(st.integers(0, size - 1))
    room = (size - 1 - start if step > 0 else start) // abs(step)
    count = 1 + draw(st.integers(0, room))
    return range(start, start + step * count, step)


@st.composite
def gather_graphs(draw: st.DrawFn) -> IntGraph:
    shape = draw(_ranks)
    axis = draw(st.integers(1, len(shape) - 1))
    indices = draw(st.lists(st.integers(0, shape[axis] - 1), min_size=1, max_size=6))
    return _graph(Gather("x", "y", axis, tuple(indices)), shape, draw(_quants))


@st.composite
def resize_graphs(draw: st.DrawFn, kind: type[ResizeNearest] | type[ResizeBilinear]) -> IntGraph:
    shape = (1, draw(_sizes), draw(_sizes), draw(st.integers(1, 4)))
    size = (draw(_sizes), draw(_sizes))
    operation = kind("x", "y", size, draw(st.sampled_from(ResizeMode)))
    try:
        return _graph(operation, shape, draw(_quants))
    except GraphError:
        assume(False)  # few sizes are such that float32 does not tell
        raise


@st.composite
def space_to_depth_graphs(draw: st.DrawFn) -> IntGraph:
    block, (rows, columns, channels) = draw(st.integers(1, 3)), draw(_cells)
    shape = (1, rows * block, columns * block, channels)
    return _graph(SpaceToDepth("x", "y", block), shape, draw(_quants))


@st.composite
def depth_to_space_graphs(draw: st.DrawFn) -> IntGraph:
    block, (rows, columns, channels) = draw(st.integers(1, 3)), draw(_cells)
    shape = (1, rows, columns, channels * block * block)
    return _graph(DepthToSpace("x", "y", block), shape, draw(_quants))


_cells = st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))


def _graph(operation: Moving, shape: tuple[int, ...], quant: QuantParams) -> IntGraph:
    made = moved_shape(operation, shape)
    return int_graph([operation], {"x": int8(shape, quant), "y": int8(made, quant)}, {}, ["y"])


MOVING_GRAPHS: dict[str, Callable[[], st.SearchStrategy[IntGraph]]] = {
    "slice": slice_graphs,
    "gather": gather_graphs,
    "resize nearest": lambda: resize_graphs(ResizeNearest),
    "resize bilinear": lambda: resize_graphs(ResizeBilinear),
    "space to depth": space_to_depth_graphs,
    "depth to space": depth_to_space_graphs,
}
