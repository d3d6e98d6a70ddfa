"""Clamps and what bends at 0: Min, Max, Clip, the leaky and the hard functions."""

from dataclasses import replace

import numpy as np

from quantize.ir.graph import Array
from quantize.ir.ops import (
    Activation,
    Add,
    HardSwish,
    LeakyRelu,
    Maximum,
    Minimum,
    Mul,
    Prelu,
)
from quantize.load.onnx_activations import activate, logistic
from quantize.load.onnx_arithmetic import combine_constant, combine_views
from quantize.load.onnx_builder import GraphBuilder
from quantize.load.onnx_layout import View, place_constant
from quantize.load.onnx_node import Node, UnsupportedNodeError

UNBOUNDED = 1e38  # what exporters write for infinity is above this
NEARLY_ONE = 1e-6  # float32's 6 times 1/6 is not exactly 1


def load_clip(node: Node, builder: GraphBuilder) -> View:
    """Read Clip: to [0, 6] or [0, inf) as a clamp, else as Maximum and Minimum."""
    low = _bound(node.optional_constant(1), -np.inf)
    high = _bound(node.optional_constant(2), np.inf)
    return _clipped(node.view(), low, high, node.output, builder)


def load_max(node: Node, builder: GraphBuilder) -> View:
    """Read Max of any number of tensors and constants; with the constant 0 it is a Relu."""
    return _extremum(Maximum, node, builder)


def load_min(node: Node, builder: GraphBuilder) -> View:
    """Read Min of any number of tensors and constants."""
    return _extremum(Minimum, node, builder)


def load_hard_swish(node: Node, builder: GraphBuilder) -> View:
    """Read HardSwish."""
    view, name = node.view(), builder.fresh_name(node.output)
    builder.add(HardSwish(view.tensor, name))
    return replace(view, tensor=name)


def load_hard_sigmoid(node: Node, builder: GraphBuilder) -> View:
    """Read HardSigmoid, max(0, min(1, alpha x + beta)), as relu6(6 alpha x + 6 beta) / 6.

    TFLite has no such operation. These three are exact in every file, the sum goes into the layer
    in front, the clamp into the sum.
    """
    view, output = node.view(), node.output
    slope, offset = 6 * node.number("alpha", 0.2), 6 * node.number("beta", 0.5)
    if slope <= 0.0:
        raise UnsupportedNodeError(f"alpha is {slope / 6:g}; only positive ones are supported")
    if abs(slope - 1.0) > NEARLY_ONE:
        view = builder.scale(view, slope, f"{output}/scaled")
    raised = combine_constant(Add, view, np.array(offset), f"{output}/raised", builder)
    clamped = activate(raised, Activation.RELU6, f"{output}/clamped", builder)
    return combine_constant(Mul, clamped, np.array(1 / 6), output, builder)


def load_swish(node: Node, builder: GraphBuilder) -> View:
    """Read Swish, x * sigmoid(alpha * x), as a logistic and a product."""
    view, alpha = node.view(), node.number("alpha", 1.0)
    scaled = view if alpha == 1.0 else builder.scale(view, alpha, f"{node.output}/scaled")
    gate = logistic(scaled, f"{node.output}/gate", builder)
    return combine_views(Mul, view, gate, node.output, builder)


def load_leaky_relu(node: Node, builder: GraphBuilder) -> View:
    """Read LeakyRelu; with alpha 0 it is a Relu."""
    view, alpha = node.view(), float(np.float32(node.number("alpha", 0.01)))
    if alpha == 0.0:
        return activate(view, Activation.RELU, node.output, builder)
    if alpha < 0.0:
        raise UnsupportedNodeError(f"alpha is {alpha:g}; only positive ones are supported")
    name = builder.fresh_name(node.output)
    builder.add(LeakyRelu(view.tensor, name, alpha))
    return replace(view, tensor=name)


def load_prelu(node: Node, builder: GraphBuilder) -> View:
    """Read PRelu with a constant slope that broadcasts to the input."""
    view, slope = node.view(0), node.constant(1)
    try:
        is_fitting = np.broadcast_shapes(view.shape, slope.shape) == view.shape
    except ValueError:
        is_fitting = False
    if not is_fitting:
        raise UnsupportedNodeError(f"slope {slope.shape} does not broadcast to {view.shape}")
    name = builder.fresh_name(node.output)
    constant = builder.add_constant(f"{node.output}/slope", place_constant(view, slope))
    builder.add(Prelu(view.tensor, constant, name))
    return replace(view, tensor=name)


def _extremum(kind: type[Minimum | Maximum], node: Node, builder: GraphBuilder) -> View:
    operands = [node.operand(index) for index in range(len(node.inputs))]
    views = [operand for operand in operands if isinstance(operand, View)]
    result, *others = views
    for other in others:
        result = combine_views(kind, result, other, node.output, builder)
    for values in operands:
        if not isinstance(values, View):
            result = _bounded(kind, result, values, node.output, builder)
    return result


def _bounded(
    kind: type[Minimum | Maximum], view: View, values: Array, output: str, builder: GraphBuilder
) -> View:
    is_empty = bool((values < -UNBOUNDED if kind is Maximum else values > UNBOUNDED).all())
    if is_empty:
        return view
    if kind is Maximum and not values.any() and values.size == 1:
        return activate(view, Activation.RELU, output, builder)
    return combine_constant(kind, view, values, output, builder)


def _clipped(view: View, low: float, high: float, output: str, builder: GraphBuilder) -> View:
    if low > high:
        raise UnsupportedNodeError(f"clamps to [{low:g}, {high:g}], which is empty")
    if (low, high) == (0.0, 6.0):
        return activate(view, Activation.RELU6, output, builder)
    raised = _bounded(Maximum, view, np.array(low), output, builder)
    return _bounded(Minimum, raised, np.array(high), output, builder)


def _bound(value: Array | None, default: float) -> float:
    if value is None or not value.size:
        return default
    if value.size != 1:
        raise UnsupportedNodeError(f"a bound of shape {value.shape}, expected one number")
    return float(value.ravel()[0])
