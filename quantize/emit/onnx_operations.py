"""One operation as ONNX nodes, the same for float and for quantized files.

The emitters differ in how a tensor is read (as it is, or through DequantizeLinear) and in what is
done with the result; what lies between is here.
"""

from collections.abc import Mapping
from typing import assert_never

import numpy as np

from quantize.emit.onnx_moving import write_moving
from quantize.emit.onnx_nodes import (
    FIRST_AXIS,
    TO_FIRST,
    Attribute,
    Layout,
    NodeList,
    Value,
    moves_nothing,
)
from quantize.emit.onnx_reader import Reader
from quantize.ir.moving_ops import (
    DepthToSpace,
    Gather,
    ResizeBilinear,
    ResizeNearest,
    Slice,
    SpaceToDepth,
)
from quantize.ir.ops import (
    Activate,
    Activation,
    Add,
    ArgMax,
    AveragePool2D,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    FullyConnected,
    HardSwish,
    L2Normalization,
    LeakyRelu,
    Logistic,
    LogSoftmax,
    Maximum,
    MaxPool2D,
    Mean,
    Minimum,
    Mul,
    Operation,
    Pad,
    Padding,
    Pair,
    Prelu,
    Quantize,
    Reshape,
    Softmax,
    Sub,
    Tanh,
    Transpose,
    TransposeConv2D,
    input_names,
)

_WEIGHT_PERMUTATION = {
    Conv2D: (0, 3, 1, 2),
    DepthwiseConv2D: (3, 0, 1, 2),
    TransposeConv2D: (3, 0, 1, 2),
    FullyConnected: (0, 1),
}


def write_operation(operation: Operation, reader: Reader) -> Value:
    """Append the nodes of an operation without its activation and return the result.

    The result has the shape of the output, but for Mean, which keeps the axes that it reduced.
    """
    match operation:
        case Conv2D() | DepthwiseConv2D():
            return _conv(operation, reader)
        case TransposeConv2D():
            return _transpose_conv(operation, reader)
        case FullyConnected():
            return _fully_connected(operation, reader)
        case Add() | Sub() | Mul() | Minimum() | Maximum():
            return _binary(operation, reader)
        case AveragePool2D() | MaxPool2D():
            return _pool(operation, reader)
        case Mean():
            return _mean(operation, reader)
        case Pad():
            return _pad(operation, reader)
        case Reshape():
            return _reshape(operation, reader)
        case Transpose():
            value = reader.read(operation.input, Layout.LAST)
            return Value(reader.nodes.transpose(value, operation.permutation))
        case Concat():
            return _concat(operation, reader)
        case (
            Slice()
            | Gather()
            | ResizeNearest()
            | ResizeBilinear()
            | SpaceToDepth()
            | DepthToSpace()
        ):
            return write_moving(operation, reader)
        case Softmax():
            return _softmax(operation, reader)
        case LogSoftmax():
            value = reader.read(operation.input, Layout.LAST)
            return Value(reader.nodes.add("LogSoftmax", [value], attributes={"axis": -1}))
        case L2Normalization():
            value = reader.read(operation.input, Layout.LAST)
            attributes: dict[str, Attribute] = {"axis": -1, "p": 2}
            return Value(reader.nodes.add("LpNormalization", [value], attributes=attributes))
        case Logistic():
            return _unary("Sigmoid", operation, reader)
        case Tanh():
            return _unary("Tanh", operation, reader)
        case HardSwish():
            return _unary("HardSwish", operation, reader)
        case LeakyRelu(alpha=alpha):
            return _unary("LeakyRelu", operation, reader, {"alpha": alpha})
        case Prelu():
            layout = _common_layout(operation, reader)
            inputs = [reader.read(name, layout) for name in (operation.input, operation.slope)]
            return Value(reader.nodes.add("PRelu", inputs), layout)
        case ArgMax():
            value = reader.read(operation.input, Layout.LAST)
            attributes = {"axis": -1, "keepdims": 0}
            return Value(reader.nodes.add("ArgMax", [value], attributes=attributes))
        case Activate() | Quantize() | Dequantize():
            layout = reader.layout(operation.input)
            return Value(reader.read(operation.input, layout), layout)
        case _:
            assert_never(operation)


def write_activation(activation: Activation, name: str, nodes: NodeList) -> str:
    """Append the clamp of an activation, if any, and return the result's name."""
    if activation is Activation.RELU:
        return nodes.add("Relu", [name])
    if activation is Activation.RELU6:
        zero, six = (nodes.share(np.array(bound, np.float32)) for bound in (0, 6))
        return nodes.add("Clip", [name, zero, six])
    return name


def _conv(operation: Conv2D | DepthwiseConv2D, reader: Reader) -> Value:
    weight = reader.graph.tensors[operation.weight].shape
    channels = reader.graph.tensors[operation.input].shape[3]
    attributes: dict[str, Attribute] = {
        "kernel_shape": weight[1:3],
        "strides": operation.stride,
        "pads": _pads(operation.padding),
    }
    if operation.dilation != (1, 1):
        attributes["dilations"] = operation.dilation
    if isinstance(operation, DepthwiseConv2D):
        attributes["group"] = channels
    inputs = [reader.read(operation.input, Layout.FIRST), *_parameters(operation, reader)]
    return Value(reader.nodes.add("Conv", inputs, attributes=attributes), Layout.FIRST)


def _transpose_conv(operation: TransposeConv2D, reader: Reader) -> Value:
    """Return a ConvTranspose; what lies behind the last window is its output_padding."""
    image = reader.graph.tensors[operation.input].shape[1:3]
    kernel = reader.graph.tensors[operation.weight].shape[1:3]
    behind = [
        (image[axis] - 1) * operation.stride[axis]
        + kernel[axis]
        - operation.crop[axis]
        - operation.size[axis]
        for axis in (0, 1)
    ]
    attributes: dict[str, Attribute] = {
        "kernel_shape": kernel,
        "strides": operation.stride,
        "pads": (*operation.crop, *(max(rest, 0) for rest in behind)),
    }
    if min(behind) < 0:
        attributes["output_padding"] = tuple(max(-rest, 0) for rest in behind)
    inputs = [reader.read(operation.input, Layout.FIRST), *_parameters(operation, reader)]
    return Value(reader.nodes.add("ConvTranspose", inputs, attributes=attributes), Layout.FIRST)


def _parameters(
    operation: Conv2D | DepthwiseConv2D | TransposeConv2D | FullyConnected, reader: Reader
) -> list[str]:
    names = [reader.parameter(operation.weight, _WEIGHT_PERMUTATION[type(operation)])]
    if operation.bias is not None:
        names.append(reader.parameter(operation.bias, (0,)))
    return names


def _pads(padding: Padding) -> tuple[int, int, int, int]:
    return (padding.top, padding.left, padding.bottom, padding.right)


def _fully_connected(operation: FullyConnected, reader: Reader) -> Value:
    rows = reader.read(operation.input, Layout.LAST)
    if len(reader.graph.tensors[operation.input].shape) > 2:
        size = reader.graph.tensors[operation.weight].shape[1]
        rows = reader.nodes.add("Reshape", [rows, reader.nodes.share(np.array([-1, size]))])
    inputs = [rows, *_parameters(operation, reader)]
    return Value(reader.nodes.add("Gemm", inputs, attributes={"transB": 1}))


def _binary(operation: Pair, reader: Reader) -> Value:
    layout = _common_layout(operation, reader)
    inputs = [reader.read(name, layout) for name in (operation.left, operation.right)]
    kind = {Minimum: "Min", Maximum: "Max"}.get(type(operation), type(operation).__name__)
    return Value(reader.nodes.add(kind, inputs), layout)


def _common_layout(operation: Pair | Concat | Prelu, reader: Reader) -> Layout:
    """Return FIRST where all activations have four axes and one of them is there in it."""
    tensors, constants = reader.graph.tensors, reader.graph.constants
    activations = [name for name in input_names(operation) if name not in constants]
    if any(len(tensors[name].shape) != 4 for name in activations):
        return Layout.LAST
    if any(len(tensors[name].shape) > 4 for name in input_names(operation)):
        return Layout.LAST
    is_first = any(reader.layout(name) is Layout.FIRST for name in activations)
    return Layout.FIRST if is_first else Layout.LAST


def _pool(operation: AveragePool2D | MaxPool2D, reader: Reader) -> Value:
    kind = "AveragePool" if isinstance(operation, AveragePool2D) else "MaxPool"
    attributes: dict[str, Attribute] = {
        "kernel_shape": operation.kernel,
        "strides": operation.stride,
        "pads": _pads(operation.padding),
    }
    inputs = [reader.read(operation.input, Layout.FIRST)]
    return Value(reader.nodes.add(kind, inputs, attributes=attributes), Layout.FIRST)


def _mean(operation: Mean, reader: Reader) -> Value:
    if operation.axes == (1, 2) and len(reader.graph.tensors[operation.input].shape) == 4:
        image = reader.read(operation.input, Layout.FIRST)
        return Value(reader.nodes.add("GlobalAveragePool", [image]), Layout.FIRST)
    value = reader.read(operation.input, Layout.LAST)
    attributes: dict[str, Attribute] = {"axes": operation.axes, "keepdims": 1}
    return Value(reader.nodes.add("ReduceMean", [value], attributes=attributes))


def _pad(operation: Pad, reader: Reader) -> Value:
    layout = reader.layout(operation.input)
    order = TO_FIRST if layout is Layout.FIRST else range(len(operation.amounts))
    amounts = np.array([operation.amounts[axis] for axis in order], np.int64)
    inputs = [
        reader.read(operation.input, layout),
        reader.nodes.share(amounts.T.reshape(-1)),
        reader.nodes.share(reader.pad_value(operation.input, operation.fill)),
    ]
    return Value(reader.nodes.add("Pad", inputs), layout)


def _reshape(operation: Reshape, reader: Reader) -> Value:
    shape = reader.graph.tensors[operation.input].shape
    is_free = len(shape) == 4 and moves_nothing(shape)
    layout = reader.layout(operation.input) if is_free else Layout.LAST
    return Value(write_reshape(operation.output, reader.read(operation.input, layout), reader))


def write_reshape(name: str, value: str, reader: Reader) -> str:
    """Append a Reshape to the declared shape of a tensor, for any batch."""
    shape = np.array([-1, *reader.graph.tensors[name].shape[1:]], np.int64)
    return reader.nodes.add("Reshape", [value, reader.nodes.share(shape)])


def _concat(operation: Concat, reader: Reader) -> Value:
    layout = _common_layout(operation, reader)
    axis = FIRST_AXIS[operation.axis] if layout is Layout.FIRST else operation.axis
    inputs = [reader.read(name, layout) for name in operation.inputs]
    return Value(reader.nodes.add("Concat", inputs, attributes={"axis": axis}), layout)


def _softmax(operation: Softmax, reader: Reader) -> Value:
    value = reader.read(operation.input, Layout.LAST)
    if operation.beta != 1.0:
        beta = reader.nodes.share(np.array(operation.beta, np.float32))
        value = reader.nodes.add("Mul", [value, beta])
    return Value(reader.nodes.add("Softmax", [value], attributes={"axis": -1}))


def _unary(
    kind: str,
    operation: Logistic | Tanh | HardSwish | LeakyRelu,
    reader: Reader,
    attributes: Mapping[str, Attribute] | None = None,
) -> Value:
    layout = reader.layout(operation.input)
    inputs = [reader.read(operation.input, layout)]
    return Value(reader.nodes.add(kind, inputs, attributes=attributes), layout)
