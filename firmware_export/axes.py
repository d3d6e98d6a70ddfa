"""Axes: how kernels that walk through strides see a tensor, in as few axes as possible.

The batch is left out, axes of size 1 are dropped, and neighbours that lie one behind the other in
memory are merged, so that the innermost loop is as long as it can be.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from firmware_export.errors import FirmwareExportError
from quantize.ir.shapes import Shape

MAX_AXES = 6  # EDGE_MAX_AXES of edge_types.h


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: its size, and how many elements a step along it moves in each input."""

    size: int
    strides: tuple[int, ...]


def strides_of(shape: Shape) -> tuple[int, ...]:
    """Return how many elements a step along each axis moves in a dense tensor."""
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def merge_axes(axes: Iterable[Axis]) -> list[Axis]:
    """Return the same walk in fewer axes, outermost first.

    Raises:
        FirmwareExportError: More axes are left than the kernels take.
    """
    merged: list[Axis] = []
    for axis in axes:
        if axis.size == 1:
            continue
        if merged and _follows(merged[-1], axis):
            merged[-1] = Axis(merged[-1].size * axis.size, axis.strides)
        else:
            merged.append(axis)
    if len(merged) > MAX_AXES:
        raise FirmwareExportError(f"{len(merged)} axes, at most {MAX_AXES}")
    return merged


def _follows(outer: Axis, inner: Axis) -> bool:
    pairs = zip(outer.strides, inner.strides, strict=True)
    return all(stride == inner.size * step for stride, step in pairs)


def broadcast_axes(left: Shape, right: Shape, output: Shape) -> list[Axis]:
    """Return the output's axes with the strides in both inputs, 0 where an input is repeated."""
    steps = zip(output, _repeated(left, output), _repeated(right, output), strict=True)
    return merge_axes(Axis(size, (a, b)) for size, a, b in steps)


def _repeated(shape: Shape, output: Shape) -> list[int]:
    dense = zip(shape, strides_of(shape), strict=True)
    steps = [0 if size == 1 else stride for size, stride in dense]
    return [0] * (len(output) - len(shape)) + steps


def mean_axes(shape: Shape, reduced: Sequence[int]) -> tuple[list[Axis], list[Axis]]:
    """Return the axes that stay and those that go, with the input's strides."""
    dense = strides_of(shape)
    axes = [Axis(size, (dense[i],)) for i, size in enumerate(shape)]
    kept = merge_axes(axis for i, axis in enumerate(axes) if i not in reduced)
    gone = merge_axes(axis for i, axis in enumerate(axes) if i in reduced)
    return kept, gone or [Axis(1, (1,))]


def transpose_axes(shape: Shape, permutation: Sequence[int]) -> list[Axis]:
    """Return the output's axes with the strides in the input."""
    dense = strides_of(shape)
    return merge_axes(Axis(shape[i], (dense[i],)) for i in permutation) or [Axis(1, (1,))]


def slice_axes(shape: Shape, sizes: Sequence[int], steps: Sequence[int]) -> list[Axis]:
    """Return the output's axes with the strides in the input, negative where it runs backwards."""
    parts = zip(strides_of(shape), sizes, steps, strict=True)
    return merge_axes(Axis(size, (dense * step,)) for dense, size, step in parts) or [Axis(1, (1,))]


@dataclass(frozen=True, slots=True)
class PaddedAxis:
    """One axis of the input and how many elements come before and after it."""

    size: int
    before: int
    after: int


def pad_axes(shape: Shape, amounts: Sequence[tuple[int, int]]) -> list[PaddedAxis]:
    """Return the axes of a pad; an axis that is not padded goes into the one outside of it.

    Raises:
        FirmwareExportError: More axes are left than the kernel takes.
    """
    merged: list[PaddedAxis] = []
    for size, (before, after) in zip(shape, amounts, strict=True):
        if (size, before, after) == (1, 0, 0):
            continue
        if merged and (before, after) == (0, 0):
            outer = merged[-1]
            merged[-1] = PaddedAxis(outer.size * size, outer.before * size, outer.after * size)
        else:
            merged.append(PaddedAxis(size, before, after))
    if len(merged) > MAX_AXES:
        raise FirmwareExportError(f"{len(merged)} axes, at most {MAX_AXES}")
    return merged or [PaddedAxis(1, 0, 0)]
