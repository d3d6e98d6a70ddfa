"""Shapes: what an operation's output must look like, given its inputs."""

from collections.abc import Mapping
from typing import assert_never

import numpy as np

from quantize.errors import GraphError
from quantize.ir.moving import moved_shape
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
)

Shape = tuple[int, ...]


def same_padding(
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
) -> Padding:
    """Return TFLite's SAME padding of an image of `size` (H, W): the odd row goes to the bottom.

    Source: TFLite `ComputePaddingHeightWidth` (tflite/kernels/padding.h).
    """
    top, bottom = _same_1d(size[0], kernel[0], stride[0], dilation[0])
    left, right = _same_1d(size[1], kernel[1], stride[1], dilation[1])
    return Padding(top=top, bottom=bottom, left=left, right=right)


def _same_1d(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    out = -(-size // stride)
    total = max((out - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def infer_shape(
    operation: Operation, shapes: Mapping[str, Shape], declared: Shape | None = None
) -> Shape:
    """Return the shape of the operation's output.

    Args:
        operation: Any operation.
        shapes: Of every tensor the operation reads.
        declared: What the graph says of the output; only Reshape needs it.

    Raises:
        GraphError: The inputs do not fit together.
    """
    match operation:
        case Conv2D():
            return _conv(operation, shapes)
        case DepthwiseConv2D():
            return _depthwise(operation, shapes)
        case TransposeConv2D():
            return _transpose_conv(operation, shapes)
        case FullyConnected():
            return _fully_connected(operation, shapes)
        case Add() | Sub() | Mul() | Minimum() | Maximum():
            return _broadcast(operation, shapes)
        case AveragePool2D() | MaxPool2D():
            return _pool(operation, shapes)
        case Mean():
            return _mean(operation, shapes)
        case Pad():
            return _pad(operation, shapes)
        case Reshape():
            return _reshape(operation, shapes, declared)
        case Transpose():
            return _transpose(operation, shapes)
        case Concat():
            return _concat(operation, shapes)
        case (
            Slice()
            | Gather()
            | ResizeNearest()
            | ResizeBilinear()
            | SpaceToDepth()
            | DepthToSpace()
        ):
            return moved_shape(operation, shapes[operation.input])
        case Prelu():
            return _prelu(operation, shapes)
        case (
            Softmax()
            | LogSoftmax()
            | L2Normalization()
            | Logistic()
            | Tanh()
            | HardSwish()
            | LeakyRelu()
        ):
            return shapes[operation.input]
        case Activate() | Quantize() | Dequantize():
            return shapes[operation.input]
        case ArgMax():
            return _without_last(operation, shapes)
        case _:
            assert_never(operation)


def _without_last(operation: ArgMax, shapes: Mapping[str, Shape]) -> Shape:
    shape = shapes[operation.input]
    if len(shape) < 2:
        raise _refuse(operation, f"input has shape {shape}, expected an axis behind the batch")
    return shape[:-1]


def _refuse(operation: Operation, why: str) -> GraphError:
    return GraphError(f"{operation.output} ({type(operation).__name__}): {why}")


def _rank_4(operation: Operation, name: str, shapes: Mapping[str, Shape]) -> Shape:
    if len(shapes[name]) != 4:
        raise _refuse(operation, f"{name} has shape {shapes[name]}, expected 4 axes")
    return shapes[name]


def _window(
    operation: Conv2D | DepthwiseConv2D | AveragePool2D | MaxPool2D,
    image: Shape,
    kernel: tuple[int, int],
    dilation: tuple[int, int],
) -> tuple[int, int]:
    pad = operation.padding
    room = (image[1] + pad.top + pad.bottom, image[2] + pad.left + pad.right)
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    if min(kernel) < 1 or min(operation.stride) < 1 or reach[0] > room[0] or reach[1] > room[1]:
        raise _refuse(operation, f"kernel {kernel} does not fit into {room} (padded height, width)")
    height, width = ((room[i] - reach[i]) // operation.stride[i] + 1 for i in (0, 1))
    return height, width


def _conv(operation: Conv2D, shapes: Mapping[str, Shape]) -> Shape:
    image = _rank_4(operation, operation.input, shapes)
    out, kh, kw, channels = _rank_4(operation, operation.weight, shapes)
    if channels != image[3]:
        raise _refuse(operation, f"weight reads {channels} channels, input has {image[3]}")
    _check_bias(operation, out, shapes)
    return (image[0], *_window(operation, image, (kh, kw), operation.dilation), out)


def _depthwise(operation: DepthwiseConv2D, shapes: Mapping[str, Shape]) -> Shape:
    image = _rank_4(operation, operation.input, shapes)
    one, kh, kw, channels = _rank_4(operation, operation.weight, shapes)
    if one != 1 or channels % image[3]:
        raise _refuse(
            operation, f"weight has shape {shapes[operation.weight]}, input {image[3]} channels"
        )
    _check_bias(operation, channels, shapes)
    return (image[0], *_window(operation, image, (kh, kw), operation.dilation), channels)


def _transpose_conv(operation: TransposeConv2D, shapes: Mapping[str, Shape]) -> Shape:
    image = _rank_4(operation, operation.input, shapes)
    out, *kernel, channels = _rank_4(operation, operation.weight, shapes)
    if channels != image[3]:
        raise _refuse(operation, f"weight reads {channels} channels, input has {image[3]}")
    _check_bias(operation, out, shapes)
    for axis, (crop, size) in enumerate(zip(operation.crop, operation.size, strict=True)):
        stride = operation.stride[axis]
        behind = crop + size - ((image[axis + 1] - 1) * stride + kernel[axis])
        if stride < 1 or size < 1 or crop < 0 or behind >= stride:
            raise _refuse(operation, f"{size} pixels from {crop} on of {image}, stride {stride}")
    return (image[0], *operation.size, out)


def _check_bias(
    operation: Conv2D | DepthwiseConv2D | TransposeConv2D | FullyConnected,
    channels: int,
    shapes: Mapping[str, Shape],
) -> None:
    if operation.bias is not None and shapes[operation.bias] != (channels,):
        raise _refuse(operation, f"bias has shape {shapes[operation.bias]}, expected ({channels},)")


def _fully_connected(operation: FullyConnected, shapes: Mapping[str, Shape]) -> Shape:
    rows, weight = shapes[operation.input], shapes[operation.weight]
    if len(weight) != 2 or len(rows) < 2 or int(np.prod(rows[1:])) != weight[1]:
        raise _refuse(operation, f"input {rows} does not meet weight {weight}")
    _check_bias(operation, weight[0], shapes)
    return (rows[0], weight[0])


def _broadcast(operation: Pair, shapes: Mapping[str, Shape]) -> Shape:
    left, right = shapes[operation.left], shapes[operation.right]
    try:
        return tuple(np.broadcast_shapes(left, right))
    except ValueError as error:
        raise _refuse(operation, f"{left} and {right} do not broadcast") from error


def _prelu(operation: Prelu, shapes: Mapping[str, Shape]) -> Shape:
    shape, slope = shapes[operation.input], shapes[operation.slope]
    if len(slope) > len(shape) or not all(
        inner in {1, outer} for inner, outer in zip(slope[::-1], shape[::-1], strict=False)
    ):
        raise _refuse(operation, f"slope {slope} does not broadcast to {shape}")
    return shape


def _pool(operation: AveragePool2D | MaxPool2D, shapes: Mapping[str, Shape]) -> Shape:
    image = _rank_4(operation, operation.input, shapes)
    return (image[0], *_window(operation, image, operation.kernel, (1, 1)), image[3])


def _mean(operation: Mean, shapes: Mapping[str, Shape]) -> Shape:
    shape = shapes[operation.input]
    if not operation.axes or not all(0 < axis < len(shape) for axis in operation.axes):
        raise _refuse(operation, f"axes {operation.axes} of {shape}; the batch (axis 0) stays")
    if operation.keep_dims:
        return tuple(1 if axis in operation.axes else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in operation.axes)


def _pad(operation: Pad, shapes: Mapping[str, Shape]) -> Shape:
    shape, amounts = shapes[operation.input], operation.amounts
    if len(amounts) != len(shape) or amounts[0] != (0, 0) or min(min(pair) for pair in amounts) < 0:
        raise _refuse(operation, f"amounts {amounts} do not fit {shape}; the batch is never padded")
    return tuple(
        size + before + after for size, (before, after) in zip(shape, amounts, strict=True)
    )


def _reshape(operation: Reshape, shapes: Mapping[str, Shape], declared: Shape | None) -> Shape:
    shape = shapes[operation.input]
    if declared is None or np.prod(declared[1:]) != np.prod(shape[1:]) or declared[:1] != shape[:1]:
        raise _refuse(operation, f"{shape} does not reshape to {declared} with its batch kept")
    return declared


def _transpose(operation: Transpose, shapes: Mapping[str, Shape]) -> Shape:
    shape, permutation = shapes[operation.input], operation.permutation
    if sorted(permutation) != list(range(len(shape))) or permutation[0] != 0:
        raise _refuse(operation, f"permutation {permutation} of {shape}; the batch stays in front")
    return tuple(shape[axis] for axis in permutation)


def _concat(operation: Concat, shapes: Mapping[str, Shape]) -> Shape:
    parts, axis = [shapes[name] for name in operation.inputs], operation.axis
    rests = {(*part[:axis], *part[axis + 1 :]) for part in parts}
    if not 0 < axis < len(parts[0]) or len(rests) != 1:
        raise _refuse(operation, f"{parts} do not join along axis {axis}")
    return (*parts[0][:axis], sum(part[axis] for part in parts), *parts[0][axis + 1 :])
