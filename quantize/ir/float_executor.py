"""What a float graph computes, in numpy float32: judges the passes, and calibrates small nets."""

from collections.abc import Mapping
from typing import TypeAlias, assert_never

import numpy as np
import numpy.typing as npt

from quantize.errors import DataError
from quantize.ir.graph import FloatGraph, Graph
from quantize.ir.moving import moved
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
    PadFill,
    Prelu,
    Quantize,
    Reshape,
    Softmax,
    Sub,
    Tanh,
    Transpose,
    TransposeConv2D,
)
from quantize.ir.resampling import interpolate
from quantize.ir.spreading import spread

Floats: TypeAlias = npt.NDArray[np.float32]
Values: TypeAlias = Mapping[str, Floats]

LEAST_LENGTH = np.float32(1e-6)  # TFLite's
LOWEST = float(np.finfo(np.float32).min)


def execute_float(graph: FloatGraph, inputs: Values) -> dict[str, Floats]:
    """Return the outputs by name, (N, ...) float32, of inputs (N, ...) float32 by name.

    Raises:
        DataError: An input is missing or has another shape than the graph says.
    """
    values = trace_float(graph, inputs)
    return {name: values[name] for name in graph.outputs}


def trace_float(graph: FloatGraph, inputs: Values) -> dict[str, Floats]:
    """Return every tensor by name, constants included; arguments and errors as above."""
    values = {**graph.constants, **{name: _input(graph, name, inputs) for name in graph.inputs}}
    for operation in graph.operations:
        values[operation.output] = execute_float_operation(operation, graph, values)
    return values


def execute_float_operation(operation: Operation, graph: Graph, values: Values) -> Floats:
    """Return what one operation makes of tensors by name; `graph` says the output's shape."""
    return np.asarray(_execute(operation, graph, values), np.float32)


def _input(graph: FloatGraph, name: str, inputs: Values) -> Floats:
    if name not in inputs:
        raise DataError(f"{name}: no such input was given, there are {sorted(inputs)}")
    value, shape = np.asarray(inputs[name]), graph.tensors[name].shape
    if not value.ndim or value.shape[1:] != shape[1:]:
        raise DataError(f"{name}: shape {value.shape}, expected {('N', *shape[1:])}")
    return value.astype(np.float32)


def _execute(operation: Operation, graph: Graph, values: Values) -> Floats:
    match operation:
        case (
            Conv2D()
            | DepthwiseConv2D()
            | TransposeConv2D()
            | FullyConnected()
            | Add()
            | Sub()
            | Mul()
        ):
            return _clamp(_arithmetic(operation, values), operation.activation)
        case AveragePool2D() | MaxPool2D():
            return _clamp(_pool(operation, values), operation.activation)
        case Mean():
            mean: Floats = values[operation.input].mean(
                axis=operation.axes, keepdims=operation.keep_dims
            )
            return mean
        case Pad():
            fill = 0.0 if operation.fill is PadFill.ZERO else LOWEST
            return np.pad(values[operation.input], operation.amounts, constant_values=fill)
        case Reshape():
            value = values[operation.input]
            return value.reshape(len(value), *graph.tensors[operation.output].shape[1:])
        case Transpose():
            return values[operation.input].transpose(operation.permutation)
        case Concat():
            return np.concatenate([values[name] for name in operation.inputs], operation.axis)
        case Slice() | Gather() | ResizeNearest() | SpaceToDepth() | DepthToSpace():
            return moved(operation, values[operation.input])
        case ResizeBilinear():
            return interpolate(values[operation.input], operation.size, operation.mode)
        case Minimum():
            return np.minimum(values[operation.left], values[operation.right])
        case Maximum():
            return np.maximum(values[operation.left], values[operation.right])
        case HardSwish() | LeakyRelu() | Prelu():
            return _rectified(operation, values)
        case Softmax():
            return _softmax(values[operation.input] * np.float32(operation.beta))
        case LogSoftmax():
            return _log_softmax(values[operation.input])
        case L2Normalization():
            return _l2_normalized(values[operation.input])
        case Logistic():
            return _logistic(values[operation.input])
        case Tanh():
            return np.tanh(values[operation.input])
        case Activate():
            return _clamp(values[operation.input], operation.activation)
        case Quantize() | Dequantize() | ArgMax():  # pragma: no cover - check_float lets none pass
            raise AssertionError(operation)
        case _:
            assert_never(operation)


def _arithmetic(
    operation: Conv2D | DepthwiseConv2D | TransposeConv2D | FullyConnected | Add | Sub | Mul,
    values: Values,
) -> Floats:
    match operation:
        case Add():
            return values[operation.left] + values[operation.right]
        case Sub():
            return values[operation.left] - values[operation.right]
        case Mul():
            return values[operation.left] * values[operation.right]
        case Conv2D():
            result = _conv(operation, values)
        case DepthwiseConv2D():
            result = _depthwise(operation, values)
        case TransposeConv2D():
            image, weight = values[operation.input], values[operation.weight]
            result = spread(operation, image, weight).astype(np.float32)
        case FullyConnected():
            rows = values[operation.input]
            result = rows.reshape(len(rows), -1) @ values[operation.weight].T
        case _:
            assert_never(operation)
    return result if operation.bias is None else result + values[operation.bias]


def _conv(operation: Conv2D, values: Values) -> Floats:
    weight = values[operation.weight]
    cells = _windows(
        _padded(values[operation.input], operation.padding, 0.0),
        (weight.shape[1], weight.shape[2]),
        operation.stride,
        operation.dilation,
    )
    columns = cells.reshape(*cells.shape[:3], -1)  # KH, KW, I: as OHWI flattens
    result: Floats = columns @ weight.reshape(len(weight), -1).T
    return result


def _depthwise(operation: DepthwiseConv2D, values: Values) -> Floats:
    image, weight = values[operation.input], values[operation.weight]
    _, height, width, channels = weight.shape
    wide = np.repeat(image, channels // image.shape[3], axis=3)
    cells = _windows(
        _padded(wide, operation.padding, 0.0),
        (height, width),
        operation.stride,
        operation.dilation,
    )
    result: Floats = np.einsum("nhwklc,klc->nhwc", cells, weight[0])
    return result


def _pool(operation: AveragePool2D | MaxPool2D, values: Values) -> Floats:
    image = values[operation.input]
    if isinstance(operation, MaxPool2D):
        greatest: Floats = _pool_windows(operation, image, -np.inf).max(axis=(3, 4))
        return greatest
    ones = np.ones((1, *image.shape[1:3], 1), np.float32)
    counts = _pool_windows(operation, ones, 0.0).sum(axis=(3, 4))
    mean: Floats = _pool_windows(operation, image, 0.0).sum(axis=(3, 4)) / counts
    return mean


def _pool_windows(operation: AveragePool2D | MaxPool2D, image: Floats, fill: float) -> Floats:
    padded = _padded(image, operation.padding, fill)
    return _windows(padded, operation.kernel, operation.stride, (1, 1))


def _padded(image: Floats, padding: Padding, fill: float) -> Floats:
    rows, columns = (padding.top, padding.bottom), (padding.left, padding.right)
    return np.pad(image, ((0, 0), rows, columns, (0, 0)), constant_values=fill)


def _windows(
    image: Floats, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> Floats:
    """Return a view (N, OH, OW, KH, KW, C) of an image (N, H, W, C)."""
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    every = np.lib.stride_tricks.sliding_window_view(image, reach, axis=(1, 2))
    kept = every[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]
    return np.moveaxis(kept, 3, 5)


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    share: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return share


def _log_softmax(scores: Floats) -> Floats:
    below = scores - scores.max(axis=-1, keepdims=True)
    result: Floats = below - np.log(np.exp(below).sum(axis=-1, keepdims=True))
    return result


def _l2_normalized(rows: Floats) -> Floats:
    length = np.sqrt((rows**2).sum(axis=-1, keepdims=True))
    result: Floats = rows / np.maximum(length, LEAST_LENGTH)
    return result


def _logistic(value: Floats) -> Floats:
    result: Floats = np.exp(-np.logaddexp(np.float32(0.0), -value))  # does not overflow
    return result


def _rectified(operation: HardSwish | LeakyRelu | Prelu, values: Values) -> Floats:
    value = values[operation.input]
    if isinstance(operation, HardSwish):
        gate: Floats = np.clip(value + np.float32(3.0), np.float32(0.0), np.float32(6.0))
        return value * gate / np.float32(6.0)
    if isinstance(operation, LeakyRelu):
        return np.where(value >= 0, value, value * np.float32(operation.alpha))
    return np.where(value >= 0, value, value * values[operation.slope])


def _clamp(value: Floats, activation: Activation) -> Floats:
    match activation:
        case Activation.NONE:
            return value
        case Activation.RELU:
            return np.maximum(value, np.float32(0.0))
        case Activation.RELU6:
            return np.clip(value, np.float32(0.0), np.float32(6.0))
        case _:
            assert_never(activation)
