"""Parameters of the kernels that move or interpolate values (edge_types.h)."""

import math
from collections.abc import Sequence
from typing import assert_never

import numpy as np

from firmware_export.axes import Axis, slice_axes, strides_of, transpose_axes
from firmware_export.parameters import Fields, Parameters
from quantize.ir.graph import IntGraph
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
from quantize.ir.resampling import bilinear_step, nearest_indices

_SWAPPED = (0, 1, 3, 2, 4, 5)  # of (N, rows, rows', columns, columns', C), or back


def moving_parameters(operation: Moving, graph: IntGraph) -> Parameters:
    """Return those of an operation that moves or interpolates values."""
    shape = graph.tensors[operation.input].shape
    match operation:
        case Slice():
            return _slice(operation, shape)
        case Gather():
            return _gather(operation, shape)
        case ResizeNearest():
            return _resize_nearest(operation, graph)
        case ResizeBilinear():
            return _resize_bilinear(operation, graph)
        case SpaceToDepth(block=block):
            batch, height, width, channels = shape
            cells = (batch, height // block, block, width // block, block, channels)
            return _transpose(transpose_axes(cells, _SWAPPED))
        case DepthToSpace(block=block):
            batch, height, width, channels = shape
            cells = (batch, height, width, block, block, channels // (block * block))
            return _transpose(transpose_axes(cells, _SWAPPED))
        case _:
            assert_never(operation)


def _transpose(axes: Sequence[Axis]) -> Parameters:
    return Parameters("edge_transpose_s8", "edge_transpose_t", _walk(axes))


def _walk(axes: Sequence[Axis]) -> Fields:
    sizes, strides = [axis.size for axis in axes], [axis.strides[0] for axis in axes]
    return {"axes": len(axes), "size": sizes, "input_stride": strides}


def _slice(operation: Slice, shape: tuple[int, ...]) -> Parameters:
    axes = slice_axes(shape, operation.sizes, operation.steps)
    first = sum(s * stride for s, stride in zip(operation.starts, strides_of(shape), strict=True))
    return Parameters("edge_slice_s8", "edge_slice_t", {**_walk(axes), "first": first})


def _gather(operation: Gather, shape: tuple[int, ...]) -> Parameters:
    axis = operation.axis
    fields: Fields = {
        "rows": math.prod(shape[:axis]),
        "row_size": shape[axis],
        "run": math.prod(shape[axis + 1 :]),
        "count": len(operation.indices),
    }
    indices = np.array(operation.indices, np.int32)
    return Parameters("edge_gather_s8", "edge_gather_t", fields, {"indices": indices})


def _resize_nearest(operation: ResizeNearest, graph: IntGraph) -> Parameters:
    sizes = zip(graph.tensors[operation.input].shape[1:3], operation.size, strict=True)
    rows, columns = (nearest_indices(n, m, operation.mode).astype(np.int32) for n, m in sizes)
    arrays = {"rows": rows, "columns": columns}
    return Parameters(
        "edge_resize_nearest_s8", "edge_resize_nearest_t", _images(operation, graph), arrays
    )


def _resize_bilinear(operation: ResizeBilinear, graph: IntGraph) -> Parameters:
    sizes = zip(graph.tensors[operation.input].shape[1:3], operation.size, strict=True)
    rows, columns = (bilinear_step(n, m, operation.mode) for n, m in sizes)
    fields: Fields = {
        **_images(operation, graph),
        "row_step": rows[0],
        "row_first": rows[1],
        "column_step": columns[0],
        "column_first": columns[1],
    }
    return Parameters("edge_resize_bilinear_s8", "edge_resize_bilinear_t", fields)


def _images(operation: Resize, graph: IntGraph) -> Fields:
    names = {"input": operation.input, "output": operation.output}
    return {field: graph.tensors[name].shape[1:] for field, name in names.items()}
