"""Functions of one value, and the softmax."""

from dataclasses import replace

import numpy as np

from quantize.ir.graph import Array
from quantize.ir.ops import Activate, Activation, Logistic, Softmax, Tanh
from quantize.load.onnx_builder import GraphBuilder
from quantize.load.onnx_layout import View, arranged_view, axes_of
from quantize.load.onnx_node import Node, UnsupportedNodeError, axis_within

UNBOUNDED = 1e38  # what exporters write for infinity is above this


def load_relu(node: Node, builder: GraphBuilder) -> View:
    """Read Relu."""
    return activate(node.view(), Activation.RELU, node.output, builder)


def load_clip(node: Node, builder: GraphBuilder) -> View:
    """Read Clip to [0, 6] or [0, inf)."""
    low = _bound(node.optional_constant(1), -np.inf)
    high = _bound(node.optional_constant(2), np.inf)
    return _clamp(node, low, high, builder)


def load_max(node: Node, builder: GraphBuilder) -> View:
    """Read Max with the constant 0, a Relu."""
    view, bound = _against_constant(node)
    return _clamp(replace(node, inputs=(view,)), _bound(bound, -np.inf), np.inf, builder)


def load_logistic(node: Node, builder: GraphBuilder) -> View:
    """Read Sigmoid."""
    return logistic(node.view(), node.output, builder)


def load_tanh(node: Node, builder: GraphBuilder) -> View:
    """Read Tanh."""
    view, output = node.view(), builder.fresh_name(node.output)
    builder.add(Tanh(view.tensor, output))
    return replace(view, tensor=output)


def load_softmax(node: Node, builder: GraphBuilder) -> View:
    """Read Softmax along any axis but the batch; that axis is stored last."""
    view = node.view()
    rank = len(view.shape)
    axis = axis_within(node.integer("axis", -1), rank)
    if axis == 0:
        raise UnsupportedNodeError("runs along the batch (axis 0); only other axes are supported")
    return softmax(view, axis, node.output, builder)


def activate(view: View, activation: Activation, output: str, builder: GraphBuilder) -> View:
    """Return the view, clamped."""
    name = builder.fresh_name(output)
    builder.add(Activate(view.tensor, name, activation))
    return replace(view, tensor=name)


def logistic(view: View, output: str, builder: GraphBuilder) -> View:
    """Return 1 / (1 + exp(-view))."""
    name = builder.fresh_name(output)
    builder.add(Logistic(view.tensor, name))
    return replace(view, tensor=name)


def softmax(view: View, axis: int, output: str, builder: GraphBuilder) -> View:
    """Return the softmax along an ONNX axis."""
    now = axes_of(view) or tuple(range(1, len(view.shape)))
    axes = (*(other for other in now if other != axis), axis)
    tensor = builder.arrange(view, axes)
    name = builder.fresh_name(output)
    builder.add(Softmax(tensor, name))
    return arranged_view(name, view.shape, axes)


def _clamp(node: Node, low: float, high: float, builder: GraphBuilder) -> View:
    if low < -UNBOUNDED and high > UNBOUNDED:
        return node.view()
    if low == 0.0 and high > UNBOUNDED:
        return activate(node.view(), Activation.RELU, node.output, builder)
    if low == 0.0 and high == 6.0:
        return activate(node.view(), Activation.RELU6, node.output, builder)
    raise UnsupportedNodeError(f"clamps to [{low}, {high}]; only [0, 6] and [0, inf) are supported")


def _bound(value: Array | None, default: float) -> float:
    if value is None or not value.size:
        return default
    if value.size != 1:
        raise UnsupportedNodeError(f"a bound of shape {value.shape}, expected one number")
    return float(value.ravel()[0])


def _against_constant(node: Node) -> tuple[View, Array]:
    if len(node.inputs) != 2:
        raise UnsupportedNodeError(f"has {len(node.inputs)} inputs; only a tensor and 0")
    if isinstance(node.inputs[0], View):
        return node.view(0), node.constant(1)
    return node.view(1), node.constant(0)
