"""Functions of one value, and the softmax."""

from dataclasses import replace

from quantize.ir.ops import (
    Activate,
    Activation,
    L2Normalization,
    Logistic,
    LogSoftmax,
    Softmax,
    Tanh,
)
from quantize.load.onnx_builder import GraphBuilder
from quantize.load.onnx_layout import View, arranged_view, axes_of
from quantize.load.onnx_node import Node, UnsupportedNodeError, axis_within


def load_relu(node: Node, builder: GraphBuilder) -> View:
    """Read Relu."""
    return activate(node.view(), Activation.RELU, node.output, builder)


def load_logistic(node: Node, builder: GraphBuilder) -> View:
    """Read Sigmoid."""
    return logistic(node.view(), node.output, builder)


def load_tanh(node: Node, builder: GraphBuilder) -> View:
    """Read Tanh."""
    view, output = node.view(), builder.fresh_name(node.output)
    builder.add(Tanh(view.tensor, output))
    return replace(view, tensor=output)


def load_softmax(node: Node, builder: GraphBuilder) -> View:
    """Read Softmax along any axis but the batch."""
    return _along(Softmax, node.view(), _axis(node), node.output, builder)


def load_log_softmax(node: Node, builder: GraphBuilder) -> View:
    """Read LogSoftmax along any axis but the batch."""
    return _along(LogSoftmax, node.view(), _axis(node), node.output, builder)


def load_lp_normalization(node: Node, builder: GraphBuilder) -> View:
    """Read LpNormalization with p = 2 along any axis but the batch."""
    if node.integer("p", 2) != 2:
        raise UnsupportedNodeError("has p 1; only 2 is supported")
    return _along(L2Normalization, node.view(), _axis(node), node.output, builder)


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
    return _along(Softmax, view, axis, output, builder)


def _axis(node: Node) -> int:
    axis = axis_within(node.integer("axis", -1), len(node.view().shape))
    if axis == 0:
        raise UnsupportedNodeError("runs along the batch (axis 0); only other axes are supported")
    return axis


def _along(
    kind: type[Softmax | LogSoftmax | L2Normalization],
    view: View,
    axis: int,
    output: str,
    builder: GraphBuilder,
) -> View:
    """Return a function of rows along an ONNX axis, which is stored last."""
    now = axes_of(view) or tuple(range(1, len(view.shape)))
    axes = (*(other for other in now if other != axis), axis)
    tensor = builder.arrange(view, axes)
    name = builder.fresh_name(output)
    builder.add(kind(tensor, name))
    return arranged_view(name, view.shape, axes)
