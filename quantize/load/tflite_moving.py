"""TFLite operators that only move or interpolate values."""

from collections.abc import Callable, Mapping

from quantize.ir.moving_ops import (
    DepthToSpace,
    Gather,
    ResizeBilinear,
    ResizeMode,
    ResizeNearest,
    Slice,
    SpaceToDepth,
)
from quantize.ir.ops import Operation, Reshape
from quantize.load.tflite_view import Operations, OperatorError, OperatorView, Result

_Cut = tuple[int, int, int]  # start, size, step


def _strided_slice(view: OperatorView) -> Result:
    """Read STRIDED_SLICE; axes that it drops go by a Reshape behind."""
    options = view.options
    if options.ellipsisMask or options.newAxisMask or getattr(options, "offset", False):
        raise OperatorError("has an ellipsis, a new axis or an offset; index every axis by itself")
    columns = [view.integers(position) for position in (1, 2, 3)]
    shape = view.tensor(0).shape
    if len({len(column) for column in columns}) != 1 or len(columns[0]) > len(shape):
        raise OperatorError(f"has indices of unlike lengths for {shape}")
    cuts = [(0, size, 1) for size in shape]
    for axis, (begin, end, step) in enumerate(zip(*columns, strict=True)):
        masks = [options.beginMask >> axis & 1, options.endMask >> axis & 1]
        if options.shrinkAxisMask >> axis & 1:
            cuts[axis] = _cut(begin, begin + 1 or None, 1, shape[axis])
        else:
            bounds = [
                None if masked else at for masked, at in zip(masks, (begin, end), strict=True)
            ]
            cuts[axis] = _cut(bounds[0], bounds[1], step, shape[axis])
    sizes = tuple(size for _, size, _ in cuts)
    if not options.shrinkAxisMask:
        return _sliced(view, cuts, view.output.name)
    inner = view.between(sizes)
    drop = Reshape(inner.name, view.output.name)
    return Operations((_sliced(view, cuts, inner.name), drop), (inner,))


def _cut(begin: int | None, end: int | None, step: int, size: int) -> _Cut:
    if not step:
        raise OperatorError("has a stride of 0")
    places = range(*slice(begin, end, step).indices(size))
    if not places:
        raise OperatorError(f"takes nothing of {size} values")
    return places.start, len(places), step


def _sliced(view: OperatorView, cuts: list[_Cut], output: str, position: int = 0) -> Slice:
    starts, sizes, steps = (tuple(column) for column in zip(*cuts, strict=True))
    return Slice(view.name(position), output, starts, sizes, steps)


def _slice(view: OperatorView) -> Result:
    """Read SLICE; a size of -1 is all that is left."""
    shape, begins, sizes = view.tensor(0).shape, view.integers(1), view.integers(2)
    if not len(shape) == len(begins) == len(sizes):
        raise OperatorError(f"has indices of unlike lengths for {shape}")
    parts = zip(shape, begins, sizes, strict=True)
    cuts = [(begin, size if size >= 0 else whole - begin, 1) for whole, begin, size in parts]
    return _sliced(view, cuts, view.output.name)


def _split(view: OperatorView) -> Result:
    """Read SPLIT: equal parts."""
    axis, count = _axis(view.integers(0), view.tensor(1).shape), len(view.outputs)
    whole = view.tensor(1).shape[axis]
    if whole % count:
        raise OperatorError(f"splits {whole} values into {count} parts")
    return _parts(view, 1, axis, (whole // count,) * count)


def _split_v(view: OperatorView) -> Result:
    """Read SPLIT_V; a size of -1 is all that is left."""
    shape, sizes = view.tensor(0).shape, view.integers(1)
    axis = _axis(view.integers(2), shape)
    rest = shape[axis] - sum(size for size in sizes if size >= 0)
    full = tuple(size if size >= 0 else rest for size in sizes)
    if len(full) != len(view.outputs) or min(full) < 1 or sum(full) != shape[axis]:
        raise OperatorError(f"splits {shape[axis]} values into {sizes}")
    return _parts(view, 0, axis, full)


def _axis(values: tuple[int, ...], shape: tuple[int, ...]) -> int:
    if len(values) != 1 or not -len(shape) <= values[0] < len(shape):
        raise OperatorError(f"has axis {values} of {shape}")
    return values[0] % len(shape)


def _parts(view: OperatorView, position: int, axis: int, sizes: tuple[int, ...]) -> Operations:
    whole = [(0, size, 1) for size in view.tensor(position).shape]
    operations, start = [], 0
    for size, output in zip(sizes, view.outputs, strict=True):
        cuts = [*whole[:axis], (start, size, 1), *whole[axis + 1 :]]
        operations.append(_sliced(view, cuts, output.name, position))
        start += size
    return Operations(tuple(operations))


def _gather(view: OperatorView) -> Result:
    """Read GATHER; indices of other than one axis give the output its shape by a Reshape."""
    shape, indices = view.tensor(0).shape, view.integers(1)
    if view.options.batchDims:
        raise OperatorError(f"has batch_dims {view.options.batchDims}, supported is 0")
    axis = _axis((view.options.axis,), shape)
    if len(view.tensor(1).shape) == 1:
        return Gather(view.name(0), view.output.name, axis, indices)
    inner = view.between((*shape[:axis], len(indices), *shape[axis + 1 :]))
    gather = Gather(view.name(0), inner.name, axis, indices)
    return Operations((gather, Reshape(inner.name, view.output.name)), (inner,))


def _resize(kind: type[ResizeNearest] | type[ResizeBilinear]) -> Callable[[OperatorView], Result]:
    def read(view: OperatorView) -> Operation:
        size = view.integers(1)
        if len(size) != 2:
            raise OperatorError(f"has size {size}, expected (height, width)")
        return kind(view.name(0), view.output.name, (size[0], size[1]), _mode(view))

    return read


def _mode(view: OperatorView) -> ResizeMode:
    match bool(view.options.alignCorners), bool(view.options.halfPixelCenters):
        case False, False:
            return ResizeMode.ASYMMETRIC
        case False, True:
            return ResizeMode.HALF_PIXEL
        case True, False:
            return ResizeMode.ALIGN_CORNERS
        case _:
            raise OperatorError("aligns corners and half pixels at once; choose one")


def _blocks(kind: type[SpaceToDepth] | type[DepthToSpace]) -> Callable[[OperatorView], Result]:
    return lambda view: kind(view.name(0), view.output.name, view.options.blockSize)


MOVING_READERS: Mapping[str, Callable[[OperatorView], Result]] = {
    "STRIDED_SLICE": _strided_slice,
    "SLICE": _slice,
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "GATHER": _gather,
    "RESIZE_NEAREST_NEIGHBOR": _resize(ResizeNearest),
    "RESIZE_BILINEAR": _resize(ResizeBilinear),
    "SPACE_TO_DEPTH": _blocks(SpaceToDepth),
    "DEPTH_TO_SPACE": _blocks(DepthToSpace),
}
