"""What TFLite calls the operations that only move or interpolate values."""

from typing import Any, assert_never

from ai_edge_litert import schema_py_generated as schema

from quantize.emit.tflite_builtin import Builtin
from quantize.emit.tflite_tensors import TensorTable
from quantize.ir.moving_ops import (
    DepthToSpace,
    Gather,
    Moving,
    Resize,
    ResizeBilinear,
    ResizeMode,
    ResizeNearest,
    Slice,
    SpaceToDepth,
)

_CODE = schema.BuiltinOperator
_RANK_OF_VERSION_2 = 4


def moving_builtin(operation: Moving, table: TensorTable) -> Builtin:
    """Return the operation as TFLite says it; its parameters are put into `table`."""
    source = table.index(operation.input)
    match operation:
        case Slice():
            return _slice(operation, source, table)
        case Gather():
            options = schema.GatherOptionsT(axis=operation.axis)
            return Builtin(_CODE.GATHER, 2, (source, table.parameter(operation.indices)), options)
        case ResizeNearest():
            options = schema.ResizeNearestNeighborOptionsT()
            return _resize(_CODE.RESIZE_NEAREST_NEIGHBOR, operation, options, table)
        case ResizeBilinear():
            return _resize(_CODE.RESIZE_BILINEAR, operation, schema.ResizeBilinearOptionsT(), table)
        case SpaceToDepth(block=block):
            options = schema.SpaceToDepthOptionsT(blockSize=block)
            return Builtin(_CODE.SPACE_TO_DEPTH, 2, (source,), options)
        case DepthToSpace(block=block):
            options = schema.DepthToSpaceOptionsT(blockSize=block)
            return Builtin(_CODE.DEPTH_TO_SPACE, 1, (source,), options)
        case _:
            assert_never(operation)


def _slice(operation: Slice, source: int, table: TensorTable) -> Builtin:
    """Return a STRIDED_SLICE; ends that no index can say, the batch's among them, are masked."""
    parts = list(zip(operation.starts, operation.sizes, operation.steps, strict=True))
    ends = [start + (size - 1) * step + (1 if step > 0 else -1) for start, size, step in parts]
    masked = sum(1 << axis for axis, end in enumerate(ends) if axis == 0 or end < 0)
    parameters = (operation.starts, [max(end, 0) for end in ends], operation.steps)
    inputs = (source, *(table.parameter(values) for values in parameters))
    options = schema.StridedSliceOptionsT(beginMask=1, endMask=masked)
    version = 2 if len(parts) <= _RANK_OF_VERSION_2 else 4
    return Builtin(_CODE.STRIDED_SLICE, version, inputs, options)


def _resize(code: int, operation: Resize, options: Any, table: TensorTable) -> Builtin:
    options.alignCorners = operation.mode is ResizeMode.ALIGN_CORNERS
    options.halfPixelCenters = operation.mode is ResizeMode.HALF_PIXEL
    inputs = (table.index(operation.input), table.parameter(operation.size))
    return Builtin(code, 2 if operation.mode is ResizeMode.ASYMMETRIC else 3, inputs, options)
