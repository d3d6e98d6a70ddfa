"""Parts of a tensor: Slice, Split, Gather."""

from collections.abc import Mapping

import numpy as np

from quantize.ir.graph import Array
from quantize.ir.moving_ops import Gather, Slice
from quantize.load.onnx_builder import GraphBuilder
from quantize.load.onnx_layout import View, arranged_view
from quantize.load.onnx_node import Node, UnsupportedNodeError, axis_within
from quantize.load.onnx_shapes import look_as


def load_slice(node: Node, builder: GraphBuilder) -> View:
    """Read Slice with bounds that are known at load, forwards or backwards."""
    view = node.view()
    rank = len(view.shape)
    starts, ends, axes, steps = _bounds(node)
    places: dict[int, range] = {}
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if not step:
            raise UnsupportedNodeError("a step of 0")
        within = axis_within(axis, rank)
        places[within] = range(*slice(start, end, step).indices(view.shape[within]))
    return cut(view, places, node.output, builder)


def load_split(node: Node, builder: GraphBuilder) -> tuple[View, ...]:
    """Read Split as a slice for each output."""
    view = node.view()
    axis = axis_within(node.integer("axis", 0), len(view.shape))
    sizes = _split_sizes(node, view.shape[axis])
    if len(sizes) != len(node.outputs) or sum(sizes) != view.shape[axis] or min(sizes) < 1:
        raise UnsupportedNodeError(f"splits {view.shape[axis]} values into {sizes}")
    ends = np.cumsum(sizes).tolist()
    parts = zip(node.outputs, sizes, ends, strict=True)
    return tuple(
        cut(view, {axis: range(end - size, end)}, name, builder) for name, size, end in parts
    )


def load_gather(node: Node, builder: GraphBuilder) -> View:
    """Read Gather with indices that are known at load, of any shape."""
    view, given = node.view(), node.constant(1)
    axis = axis_within(node.integer("axis", 0), len(view.shape))
    size = view.shape[axis]
    if not given.size or given.min() < -size or given.max() >= size:
        raise UnsupportedNodeError(f"indices {given.ravel().tolist()} of {size} values")
    indices = [int(index) % size for index in given.ravel()]
    picked = _pick(view, axis, indices, node.output, builder)
    if given.ndim == 1:
        return picked
    return look_as(picked, (*view.shape[:axis], *given.shape, *view.shape[axis + 1 :]), builder)


def cut(view: View, places: Mapping[int, range], output: str, builder: GraphBuilder) -> View:
    """Return the view with only these places along each ONNX axis; axes that are left out stay."""
    for axis, chosen in places.items():
        if not chosen:
            raise UnsupportedNodeError(f"nothing is left along axis {axis} of {view.shape}")
        if axis == 0 and (chosen.start, len(chosen)) != (0, view.shape[0]):
            raise UnsupportedNodeError("cuts the batch (axis 0); only other axes can be")
    tensor, axes = builder.arrange_as_is(view)
    stored = [range(view.shape[0]), *(places.get(axis, range(view.shape[axis])) for axis in axes)]
    name = builder.fresh_name(output)
    builder.add(
        Slice(
            tensor,
            name,
            tuple(each.start for each in stored),
            tuple(len(each) for each in stored),
            (1, *(each.step for each in stored[1:])),
        )
    )
    shape = tuple(len(places.get(axis, range(size))) for axis, size in enumerate(view.shape))
    return arranged_view(name, shape, axes)


def gather(view: View, axis: int, indices: list[int], output: str, builder: GraphBuilder) -> View:
    """Return the view with these indices of an ONNX axis."""
    tensor, axes = builder.arrange_as_is(view)
    name = builder.fresh_name(output)
    builder.add(Gather(tensor, name, 1 + axes.index(axis), tuple(indices)))
    shape = (*view.shape[:axis], len(indices), *view.shape[axis + 1 :])
    return arranged_view(name, shape, axes)


def _pick(view: View, axis: int, indices: list[int], output: str, builder: GraphBuilder) -> View:
    """Return a slice where the indices are evenly spaced, which is most of the time."""
    step = indices[1] - indices[0] if len(indices) > 1 else 1
    places = range(indices[0], indices[0] + step * len(indices), step or 1)
    if list(places) == indices:
        return cut(view, {axis: places}, output, builder)
    if axis == 0:
        raise UnsupportedNodeError("picks along the batch (axis 0); only other axes can be")
    return gather(view, axis, indices, output, builder)


def _bounds(node: Node) -> tuple[list[int], ...]:
    """Return starts, ends, axes and steps."""
    first, last = _integers(node.constant(1)), _integers(node.constant(2))
    along, strides = node.optional_constant(3), node.optional_constant(4)
    return (
        first,
        last,
        list(range(len(first))) if along is None else _integers(along),
        [1] * len(first) if strides is None else _integers(strides),
    )


def _integers(values: Array) -> list[int]:
    return [int(value) for value in values.ravel()]


def _split_sizes(node: Node, whole: int) -> list[int]:
    given = node.optional_constant(1)
    if given is not None:
        return _integers(given)
    count = node.integer("num_outputs", len(node.outputs))
    size = -(-whole // count)
    return [size] * (count - 1) + [whole - size * (count - 1)]
