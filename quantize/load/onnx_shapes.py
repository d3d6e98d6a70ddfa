"""Operations that move values and compute nothing: most of them cost nothing in the graph."""

import numpy as np

from quantize.ir.graph import Array
from quantize.ir.ops import Concat, Pad, PadFill
from quantize.load.onnx_builder import GraphBuilder
from quantize.load.onnx_layout import (
    Shape,
    View,
    arranged_view,
    axes_of,
    plain_view,
    reshaped,
    transposed,
)
from quantize.load.onnx_node import Node, Operand, UnsupportedNodeError, axis_within

LOWEST_FILL = -1e38  # what exporters write for "minus infinity" is below this

_FLOAT_TYPES = {1: "float32", 10: "float16", 11: "float64", 16: "bfloat16"}


def load_identity(node: Node, _builder: GraphBuilder) -> Operand:
    """Read Identity."""
    return node.operand(0)


def load_dropout(node: Node, _builder: GraphBuilder) -> Operand:
    """Read Dropout, which does nothing but in training."""
    training = node.optional_constant(2)
    if training is not None and bool(training.any()):
        raise UnsupportedNodeError("training_mode is on; export the model for inference")
    return node.operand(0)


def load_cast(node: Node, _builder: GraphBuilder) -> Operand:
    """Read Cast between float types, which all are float32 here."""
    if node.integer("to", 0) not in _FLOAT_TYPES:
        raise UnsupportedNodeError("computed values are cast to integers; leave them float32")
    return node.operand(0)


def load_shape(node: Node, _builder: GraphBuilder) -> Array:
    """Read Shape: known at load, the batch is 1."""
    shape = np.array(node.view().shape, np.int64)
    return shape[slice(node.integer("start", 0), node.attributes.get("end"))]


def load_transpose(node: Node, _builder: GraphBuilder) -> View:
    """Read Transpose: only looked at otherwise."""
    view = node.view()
    permutation = node.integers("perm") or tuple(reversed(range(len(view.shape))))
    if sorted(permutation) != list(range(len(view.shape))):
        raise UnsupportedNodeError(f"perm {permutation} of shape {view.shape}")
    if permutation[0] != 0:
        raise UnsupportedNodeError(f"perm {permutation} moves the batch; leave axis 0 in front")
    return transposed(view, permutation)


def load_reshape(node: Node, builder: GraphBuilder) -> View:
    """Read Reshape with a shape that is known at load."""
    view, target = node.view(), node.constant(1)
    keeps_zero = bool(node.integer("allowzero", 0))
    sizes = [
        view.shape[index] if size == 0 and not keeps_zero and index < len(view.shape) else int(size)
        for index, size in enumerate(target.ravel())
    ]
    return look_as(view, _fill_in(sizes, view), builder)


def load_flatten(node: Node, builder: GraphBuilder) -> View:
    """Read Flatten behind the batch."""
    view = node.view()
    axis = node.integer("axis", 1)
    split = axis if axis >= 0 else axis + len(view.shape)
    front = int(np.prod(view.shape[:split], dtype=np.int64))
    if split < 1 or front != 1:
        raise UnsupportedNodeError(f"axis {axis} flattens into the batch; only axis 1 is supported")
    return look_as(view, (1, int(np.prod(view.shape[split:], dtype=np.int64))), builder)


def load_squeeze(node: Node, builder: GraphBuilder) -> View:
    """Read Squeeze."""
    view, axes = node.view(), node.axes(1)
    if axes is None:
        raise UnsupportedNodeError("axes are left out, so the batch goes too; name the axes")
    gone = {axis_within(axis, len(view.shape)) for axis in axes}
    if 0 in gone or any(view.shape[axis] != 1 for axis in gone):
        raise UnsupportedNodeError(f"axes {axes} of shape {view.shape}; the batch stays")
    shape = tuple(size for axis, size in enumerate(view.shape) if axis not in gone)
    return look_as(view, shape, builder)


def load_unsqueeze(node: Node, builder: GraphBuilder) -> View:
    """Read Unsqueeze."""
    view, axes = node.view(), node.axes(1) or ()
    rank = len(view.shape) + len(axes)
    new = {axis_within(axis, rank) for axis in axes}
    if 0 in new:
        raise UnsupportedNodeError(f"axes {axes} put an axis before the batch; axis 0 is the batch")
    sizes = iter(view.shape)
    return look_as(view, tuple(1 if i in new else next(sizes) for i in range(rank)), builder)


def load_concat(node: Node, builder: GraphBuilder) -> View:
    """Read Concat of computed tensors along anything but the batch."""
    views = [node.view(index) for index in range(len(node.inputs))]
    rank = len(views[0].shape)
    axis = axis_within(node.integer("axis", 0), rank)
    if axis == 0:
        raise UnsupportedNodeError("joins along the batch (axis 0); only other axes are supported")
    if any(len(view.shape) != rank for view in views):
        raise UnsupportedNodeError("the inputs have different numbers of axes")
    axes = next((a for a in map(axes_of, views) if a is not None), tuple(range(1, rank)))
    names = tuple(builder.arrange(view, axes) for view in views)
    output = builder.fresh_name(node.output)
    builder.add(Concat(names, output, 1 + axes.index(axis)))
    total = sum(view.shape[axis] for view in views)
    shape = (*views[0].shape[:axis], total, *views[0].shape[axis + 1 :])
    return arranged_view(output, shape, axes)


def load_pad(node: Node, builder: GraphBuilder) -> View:
    """Read Pad with zeros, or with minus infinity for a max pool behind it."""
    view = node.view()
    mode = node.text("mode", "constant")
    if mode != "constant":
        raise UnsupportedNodeError(f"mode {mode!r}; only 'constant' is supported")
    amounts = _pad_amounts(node, len(view.shape))
    tensor, axes = builder.arrange_as_is(view)
    output = builder.fresh_name(node.output)
    stored = (amounts[0], *(amounts[axis] for axis in axes))
    builder.add(Pad(tensor, output, stored, _pad_fill(node)))
    shape = tuple(size + sum(pair) for size, pair in zip(view.shape, amounts, strict=True))
    return arranged_view(output, shape, axes)


def look_as(view: View, shape: Shape, builder: GraphBuilder) -> View:
    """Return the view in another shape, moving values only where looking otherwise will not do."""
    if not shape or shape[0] != 1:
        raise UnsupportedNodeError(
            f"reshapes to {shape}, which mixes the batch into other axes; keep the batch in front"
        )
    looked_at = reshaped(view, shape)
    if looked_at is not None:
        return looked_at
    return plain_view(builder.reshape(builder.arrange_plain(view), shape), shape)


def _pad_amounts(node: Node, rank: int) -> tuple[tuple[int, int], ...]:
    pads = [int(amount) for amount in node.constant(1).ravel()]
    given = node.axes(3)
    axes = range(rank) if given is None else [axis_within(axis, rank) for axis in given]
    if len(pads) != 2 * len(axes) or min(pads, default=0) < 0:
        raise UnsupportedNodeError(f"pads {pads}: only amounts of at least 0 are supported")
    amounts = [(0, 0)] * rank
    for position, axis in enumerate(axes):
        amounts[axis] = (pads[position], pads[position + len(axes)])
    if amounts[0] != (0, 0):
        raise UnsupportedNodeError("the batch (axis 0) is padded; only other axes can be")
    return tuple(amounts)


def _pad_fill(node: Node) -> PadFill:
    given = node.optional_constant(2)
    value = 0.0 if given is None or not given.size else float(given.ravel()[0])
    if value == 0.0:
        return PadFill.ZERO
    if value < LOWEST_FILL:
        return PadFill.LOWEST
    raise UnsupportedNodeError(f"pads with {value}; only 0 and minus infinity are supported")


def _fill_in(sizes: list[int], view: View) -> Shape:
    total = int(np.prod(view.shape, dtype=np.int64))
    known = int(np.prod([size for size in sizes if size >= 0], dtype=np.int64))
    if sizes.count(-1) == 1 and known and total % known == 0:
        sizes = [total // known if size == -1 else size for size in sizes]
    if int(np.prod(sizes, dtype=np.int64)) != total or min(sizes, default=0) < 0:
        raise UnsupportedNodeError(f"shape {view.shape} does not reshape to {tuple(sizes)}")
    return tuple(sizes)
