"""Operations that only move or interpolate values as ONNX nodes."""

from collections.abc import Iterable
from typing import assert_never

import numpy as np

from quantize.emit.onnx_nodes import FIRST_AXIS, Attribute, Layout, Value
from quantize.emit.onnx_reader import Reader
from quantize.ir.moving_ops import (
    DepthToSpace,
    Gather,
    Moving,
    Resize,
    ResizeBilinear,
    ResizeNearest,
    Slice,
    SpaceToDepth,
)
from quantize.ir.resampling import ONNX_ROUNDING

BEFORE_THE_FIRST = -(2**31)  # an end of a Slice that runs backwards through index 0


def write_moving(operation: Moving, reader: Reader) -> Value:
    """Append the node of an operation and return its result."""
    match operation:
        case Slice():
            return _slice(operation, reader)
        case Gather():
            return _gather(operation, reader)
        case ResizeNearest():
            rounding = ONNX_ROUNDING[operation.mode]
            return _resize(operation, {"mode": "nearest", "nearest_mode": rounding}, reader)
        case ResizeBilinear():
            return _resize(operation, {"mode": "linear"}, reader)
        case SpaceToDepth() | DepthToSpace():
            image = reader.read(operation.input, Layout.FIRST)
            block: dict[str, Attribute] = {"blocksize": operation.block}
            kind = type(operation).__name__
            return Value(reader.nodes.add(kind, [image], attributes=block), Layout.FIRST)
        case _:
            assert_never(operation)


def _slice(operation: Slice, reader: Reader) -> Value:
    """Return a Slice along the axes that it cuts (the last where it cuts none), never the batch."""
    layout = reader.layout(operation.input)
    parts = list(zip(operation.starts, operation.sizes, operation.steps, strict=True))
    shape = reader.graph.tensors[operation.input].shape
    cut = [axis for axis, part in enumerate(parts) if part != (0, shape[axis], 1)]
    axes = cut or [len(parts) - 1]
    columns = (
        [parts[axis][0] for axis in axes],
        [_end(*parts[axis]) for axis in axes],
        [_axis(axis, layout) for axis in axes],
        [parts[axis][2] for axis in axes],
    )
    inputs = [reader.read(operation.input, layout), *(_shared(each, reader) for each in columns)]
    return Value(reader.nodes.add("Slice", inputs), layout)


def _end(start: int, count: int, step: int) -> int:
    end = start + (count - 1) * step + (1 if step > 0 else -1)
    return end if end >= 0 else BEFORE_THE_FIRST


def _axis(axis: int, layout: Layout) -> int:
    return FIRST_AXIS[axis] if layout is Layout.FIRST else axis


def _gather(operation: Gather, reader: Reader) -> Value:
    layout = reader.layout(operation.input)
    inputs = [reader.read(operation.input, layout), _shared(operation.indices, reader)]
    axis = _axis(operation.axis, layout)
    return Value(reader.nodes.add("Gather", inputs, attributes={"axis": axis}), layout)


def _resize(operation: Resize, attributes: dict[str, Attribute], reader: Reader) -> Value:
    """Return a Resize, told the ratio where float32 says it exactly, else the size."""
    image = reader.read(operation.input, Layout.FIRST)
    sizes = reader.graph.tensors[operation.input].shape[1:3]
    ratios = [wanted / size for size, wanted in zip(sizes, operation.size, strict=True)]
    if all(float(np.float32(ratio)) == ratio for ratio in ratios):
        scales = reader.nodes.share(np.array([1.0, 1.0, *ratios], np.float32))
        inputs = [image, "", scales]
    else:
        inputs = [image, "", "", _target(image, operation, reader)]
    attributes |= {"coordinate_transformation_mode": operation.mode.value}
    return Value(reader.nodes.add("Resize", inputs, attributes=attributes), Layout.FIRST)


def _target(image: str, operation: Resize, reader: Reader) -> str:
    """Append the whole target shape: batch and channels are those of the image."""
    shape = reader.nodes.add("Shape", [image], attributes={"end": 2})
    size = _shared(operation.size, reader)
    return reader.nodes.add("Concat", [shape, size], attributes={"axis": 0})


def _shared(values: Iterable[int], reader: Reader) -> str:
    return reader.nodes.share(np.array(list(values), np.int64))
