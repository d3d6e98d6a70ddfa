"""Sums and products, of computed tensors or with constants, and what can be said by them."""

from dataclasses import replace

import numpy as np

from quantize.ir.graph import Array
from quantize.ir.ops import Add, Maximum, Minimum, Mul, Pair, Sub
from quantize.ir.statistics import ChannelStatistics
from quantize.load.onnx_builder import GraphBuilder
from quantize.load.onnx_layout import View, arranged_view, axes_of, place_constant, plain_view
from quantize.load.onnx_node import Node, UnsupportedNodeError


def load_add(node: Node, builder: GraphBuilder) -> View:
    """Read Add."""
    return _combine(Add, node, builder)


def load_mul(node: Node, builder: GraphBuilder) -> View:
    """Read Mul."""
    return _combine(Mul, node, builder)


def load_sum(node: Node, builder: GraphBuilder) -> View:
    """Read Sum of any number of tensors."""
    total = node.view(0)
    for index in range(1, len(node.inputs)):
        right = node.operand(index)
        if isinstance(right, View):
            total = combine_views(Add, total, right, node.output, builder)
        else:
            total = combine_constant(Add, total, right, node.output, builder)
    return total


def load_sub(node: Node, builder: GraphBuilder) -> View:
    """Read Sub; with a constant it is an Add, which folds into layers."""
    left, right = node.operand(0), node.operand(1)
    if not isinstance(right, View):
        return combine_constant(Add, node.view(0), -right, node.output, builder)
    if isinstance(left, View):
        return combine_views(Sub, left, right, node.output, builder)
    negated = builder.scale(right, -1.0, f"{node.output}/negated")
    return combine_constant(Add, negated, left, node.output, builder)


def load_neg(node: Node, builder: GraphBuilder) -> View:
    """Read Neg as a product with -1."""
    return builder.scale(node.view(), -1.0, node.output)


def load_div(node: Node, builder: GraphBuilder) -> View:
    """Read Div by a constant as a Mul by its reciprocal."""
    divisor = node.constant(1).astype(np.float64)
    if not divisor.all():
        raise UnsupportedNodeError("the divisor holds 0")
    return combine_constant(Mul, node.view(0), 1.0 / divisor, node.output, builder)


def load_batch_normalization(node: Node, builder: GraphBuilder) -> View:
    """Read BatchNormalization as a product and a sum per channel (axis 1)."""
    if node.integer("training_mode", 0):
        raise UnsupportedNodeError("training_mode is 1; export the model for inference")
    scale, bias, mean, variance = (node.constant(i).astype(np.float64) for i in range(1, 5))
    factor = scale / np.sqrt(variance + node.number("epsilon", 1e-5))
    view, shape = node.view(0), (-1, *(1 for _ in node.view(0).shape[2:]))
    scaled = combine_constant(Mul, view, factor.reshape(shape), f"{node.output}/scaled", builder)
    shift = (bias - mean * factor).reshape(shape)
    made = combine_constant(Add, scaled, shift, node.output, builder)
    axes = axes_of(made)
    if axes and axes[-1] == 1:  # channels are stored last
        builder.statistics[made.tensor] = ChannelStatistics(bias, np.abs(scale))
    return made


def combine_constant(
    kind: type[Add | Mul | Minimum | Maximum],
    view: View,
    values: Array,
    output: str,
    builder: GraphBuilder,
) -> View:
    """Return what a tensor and a constant that broadcasts as ONNX says make."""
    try:
        shape = tuple(np.broadcast_shapes(view.shape, values.shape))
    except ValueError as error:
        raise UnsupportedNodeError(f"{view.shape} and {values.shape} do not broadcast") from error
    if shape[0] != 1 or len(shape) > len(view.shape):
        raise UnsupportedNodeError(
            f"a constant of shape {values.shape} spreads the batch of {view.shape}"
        )
    placed, tensor, result = values, view.tensor, replace(view, tensor=output)
    if shape == view.shape:
        placed = place_constant(view, values)
    else:  # the constant makes the tensor larger
        tensor, result = builder.arrange_plain(view), plain_view(output, shape)
    name = builder.fresh_name(output)
    constant = builder.add_constant(f"{output}/{kind.__name__.lower()}", placed)
    builder.add(kind(tensor, constant, name))
    return replace(result, tensor=name)


def combine_views(
    kind: type[Pair], left: View, right: View, output: str, builder: GraphBuilder
) -> View:
    """Return what two tensors that broadcast to one another make."""
    if len(left.shape) != len(right.shape):
        raise UnsupportedNodeError(
            f"{left.shape} and {right.shape} have different numbers of axes; reshape one before"
        )
    name = builder.fresh_name(output)
    if replace(left, tensor=right.tensor) == right:
        builder.add(kind(left.tensor, right.tensor, name))
        return replace(left, tensor=name)
    larger = max(left, right, key=lambda view: int(np.prod(view.shape, dtype=np.int64)))
    axes = axes_of(larger) or tuple(range(1, len(left.shape)))
    builder.add(kind(builder.arrange(left, axes), builder.arrange(right, axes), name))
    shape = np.broadcast_shapes(left.shape, right.shape)
    return arranged_view(name, tuple(shape), axes)


def _combine(kind: type[Add | Mul], node: Node, builder: GraphBuilder) -> View:
    left, right = node.operand(0), node.operand(1)
    if isinstance(left, View) and isinstance(right, View):
        return combine_views(kind, left, right, node.output, builder)
    if isinstance(left, View):
        return combine_constant(kind, left, node.constant(1), node.output, builder)
    return combine_constant(kind, node.view(1), left, node.output, builder)
