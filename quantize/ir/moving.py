"""What operations that only move values do to shapes and arrays, whatever the elements are."""

from typing import assert_never

import numpy as np

from quantize.errors import GraphError
from quantize.ir.graph import Array
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
from quantize.ir.resampling import interpolate_codes, nearest_indices

Shape = tuple[int, ...]


def moved_shape(operation: Moving, shape: Shape) -> Shape:
    """Return the shape of the output, given the input's.

    Raises:
        GraphError: The operation does not fit the input.
    """
    match operation:
        case Slice():
            return _slice_shape(operation, shape)
        case Gather():
            return _gather_shape(operation, shape)
        case ResizeNearest() | ResizeBilinear():
            return _resize_shape(operation, shape)
        case SpaceToDepth():
            return _space_to_depth_shape(operation, shape)
        case DepthToSpace():
            return _depth_to_space_shape(operation, shape)
        case _:
            assert_never(operation)


def moved(
    operation: Slice | Gather | ResizeNearest | SpaceToDepth | DepthToSpace, values: Array
) -> Array:
    """Return the output (N, ...) of an input (N, ...)."""
    match operation:
        case Slice():
            return values[(slice(None), *_cuts(operation))]
        case Gather():
            return values.take(operation.indices, operation.axis)
        case ResizeNearest(size=size, mode=mode):
            rows = nearest_indices(values.shape[1], size[0], mode)
            columns = nearest_indices(values.shape[2], size[1], mode)
            return values[:, rows][:, :, columns]
        case SpaceToDepth(block=block):
            batch, height, width, channels = values.shape
            rows, columns = height // block, width // block
            squares = values.reshape(batch, rows, block, columns, block, channels)
            return squares.transpose(0, 1, 3, 2, 4, 5).reshape(batch, rows, columns, -1)
        case DepthToSpace(block=block):
            batch, height, width, _ = values.shape
            squares = values.reshape(batch, height, width, block, block, -1)
            moved = squares.transpose(0, 1, 3, 2, 4, 5)
            return moved.reshape(batch, height * block, width * block, -1)
        case _:
            assert_never(operation)


def moved_codes(operation: Moving, codes: Array) -> Array:
    """Return the output codes (N, ...) of input codes (N, ...), interpolated ones as int64."""
    if isinstance(operation, ResizeBilinear):
        return interpolate_codes(codes.astype(np.int64), operation.size, operation.mode)
    return moved(operation, codes)


def _cuts(operation: Slice) -> list[slice]:
    """Return numpy's slices behind the batch; an end before index 0 is None there."""
    parts = zip(operation.starts, operation.sizes, operation.steps, strict=True)
    cuts = []
    for start, size, step in list(parts)[1:]:
        end = start + size * step
        cuts.append(slice(start, end if end >= 0 else None, step))
    return cuts


def _slice_shape(operation: Slice, shape: Shape) -> Shape:
    starts, sizes, steps = operation.starts, operation.sizes, operation.steps
    if not len(shape) == len(starts) == len(sizes) == len(steps):
        raise _refuse(operation, f"{len(starts)} axes are cut of {shape}")
    if (starts[0], sizes[0], steps[0]) != (0, 1, 1):
        raise _refuse(operation, "cuts the batch (axis 0)")
    for size, start, count, step in zip(shape, starts, sizes, steps, strict=True):
        last = start + (count - 1) * step
        if not step or count < 1 or not 0 <= start < size or not 0 <= last < size:
            raise _refuse(operation, f"{count} values from {start} by {step} of {size}")
    return (shape[0], *sizes[1:])


def _gather_shape(operation: Gather, shape: Shape) -> Shape:
    axis, indices = operation.axis, operation.indices
    if not 0 < axis < len(shape):
        raise _refuse(operation, f"axis {axis} of {shape}; the batch (axis 0) stays")
    if not indices or min(indices) < 0 or max(indices) >= shape[axis]:
        raise _refuse(operation, f"indices {indices} of {shape[axis]} values")
    return (*shape[:axis], len(indices), *shape[axis + 1 :])


def _resize_shape(operation: Resize, shape: Shape) -> Shape:
    if len(shape) != 4 or min(operation.size) < 1:
        raise _refuse(operation, f"resizes {shape} to {operation.size}, expected an image")
    return (shape[0], *operation.size, shape[3])


def _space_to_depth_shape(operation: SpaceToDepth, shape: Shape) -> Shape:
    block = operation.block
    if len(shape) != 4 or block < 1 or shape[1] % block or shape[2] % block:
        raise _refuse(operation, f"{shape} is no image of whole squares of {block}")
    return (shape[0], shape[1] // block, shape[2] // block, shape[3] * block * block)


def _depth_to_space_shape(operation: DepthToSpace, shape: Shape) -> Shape:
    block = operation.block
    if len(shape) != 4 or block < 1 or shape[3] % (block * block):
        raise _refuse(operation, f"{shape} is no image of {block} x {block} channels each")
    return (shape[0], shape[1] * block, shape[2] * block, shape[3] // (block * block))


def _refuse(operation: Moving, reason: str) -> GraphError:
    return GraphError(f"{operation.output}: {reason}")
