"""Layout, solved once at load: how an ONNX tensor stands in a channels-last graph.

ONNX transposes and reshapes cost nothing here: they only change how a stored tensor is looked at.
The axes of a tensor (batch aside) are cut into factors; ONNX sees the factors in one order, the
graph stores them in another. A real Transpose or Reshape appears only where an operation needs
its input to stand otherwise than it does.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from quantize.ir.graph import Array

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class View:
    """An ONNX tensor, as a way to look at a tensor of the graph.

    Attributes:
        tensor: Name in the graph.
        stored: Shape of that tensor; axis 0 is the batch.
        shape: Shape in the ONNX model; axis 0 is the batch.
        factors: Sizes above 1 whose runs make up the axes of `shape` behind the batch.
        order: The factors' indices as they are stored, slowest first.
    """

    tensor: str
    stored: Shape
    shape: Shape
    factors: tuple[int, ...]
    order: tuple[int, ...]


def arranged_view(
    tensor: str, shape: Shape, axes: Sequence[int], stored: Shape | None = None
) -> View:
    """Return the view of a tensor that stores the ONNX axes `axes` (batch left out) in that order.

    `stored` differs from what follows only by axes of size 1.
    """
    plain = tuple(size for size in shape[1:] if size > 1)
    identity = View(tensor, shape, shape, plain, tuple(range(len(plain))))
    return replace(
        identity,
        stored=stored or arranged_shape(shape, axes),
        order=arranged_order(identity, axes),
    )


def plain_view(tensor: str, shape: Shape) -> View:
    """Return the view of a tensor that is stored as ONNX has it."""
    return arranged_view(tensor, shape, range(1, len(shape)))


def arranged_shape(shape: Shape, axes: Sequence[int]) -> Shape:
    """Return the shape of a tensor that stores these axes in this order behind the batch."""
    return (shape[0], *(shape[axis] for axis in axes))


def arranged_order(view: View, axes: Sequence[int]) -> tuple[int, ...]:
    """Return the order of the view's factors if its axes were stored in the order `axes`."""
    runs = _runs(view)
    return tuple(index for axis in axes for index in runs[axis - 1])


def channels_last(rank: int) -> tuple[int, ...]:
    """Return the axes of a channels-first tensor, batch left out, in the channels-last order."""
    return (*range(2, rank), 1)[: rank - 1]


def axes_of(view: View) -> tuple[int, ...] | None:
    """Return the order of ONNX axes in which the tensor is stored, None if axes are interleaved."""
    rank = len(view.shape)
    candidates = [tuple(range(1, rank)), channels_last(rank), _axes_as_stored(view)]
    fitting = [axes for axes in candidates if arranged_order(view, axes) == view.order]
    exact = [axes for axes in fitting if arranged_shape(view.shape, axes) == view.stored]
    return next(iter([*exact, *fitting]), None)


def transposed(view: View, permutation: Sequence[int]) -> View:
    """Return what ONNX's Transpose makes of the view; permutation[0] is 0."""
    runs = _runs(view)
    moved = [index for axis in permutation[1:] for index in runs[axis - 1]]
    position = {old: new for new, old in enumerate(moved)}
    return replace(
        view,
        shape=tuple(view.shape[axis] for axis in permutation),
        factors=tuple(view.factors[index] for index in moved),
        order=tuple(position[index] for index in view.order),
    )


def reshaped(view: View, shape: Shape) -> View | None:
    """Return what ONNX's Reshape makes of the view, None if no looking otherwise will do."""
    wanted = [size for size in shape[1:] if size > 1]
    pieces = _refine(view.factors, wanted)
    if pieces is None:
        return None
    starts = list(itertools.accumulate((len(piece) for piece in pieces), initial=0))
    return replace(
        view,
        shape=shape,
        factors=tuple(size for piece in pieces for size in piece),
        order=tuple(i for index in view.order for i in range(starts[index], starts[index + 1])),
    )


def source_positions(view: View) -> npt.NDArray[np.int64]:
    """Return, for each stored value in order, its place in the flattened ONNX tensor."""
    count = int(np.prod(view.factors, dtype=np.int64))
    return np.arange(count).reshape(view.factors).transpose(view.order).ravel()


def place_constant(view: View, values: Array) -> Array:
    """Return an array that broadcasts to the ONNX shape so that it broadcasts to the stored one."""
    full = values.reshape((1,) * (len(view.shape) - values.ndim) + values.shape)
    runs = _runs(view)
    sizes = [
        view.factors[index] if full.shape[axis + 1] > 1 else 1
        for axis, run in enumerate(runs)
        for index in run
    ]
    moved = full.reshape(sizes).transpose(view.order)
    groups = _stored_groups(view)
    if any(_is_mixed(moved.shape, view, group) for group in groups):
        moved = np.broadcast_to(moved, [view.factors[index] for index in view.order])
    compact = [int(np.prod([moved.shape[i] for i in group], dtype=np.int64)) for group in groups]
    return moved.reshape(1, *compact)


def _axes_as_stored(view: View) -> tuple[int, ...]:
    """Return the axes in the order of their first factors, those of size 1 where 1 is stored."""
    runs = _runs(view)
    places = {view.order.index(run[0]): axis + 1 for axis, run in enumerate(runs) if run}
    wide = [axis for _, axis in sorted(places.items())]
    units = [axis + 1 for axis, run in enumerate(runs) if not run]
    axes: list[int] = []
    for size in view.stored[1:]:
        waiting = units if size == 1 else wide
        axes += [waiting.pop(0)] if waiting else []
    return (*axes, *wide, *units)


def _is_mixed(moved: Shape, view: View, group: list[int]) -> bool:
    """Tell whether the constant follows some factors of a stored axis and not others."""
    return len({moved[i] == view.factors[view.order[i]] for i in group}) > 1


def _runs(view: View) -> list[list[int]]:
    """Return the factors' indices of every ONNX axis behind the batch."""
    return _grouped(view.shape[1:], view.factors)


def _stored_groups(view: View) -> list[list[int]]:
    """Return the positions in `order` of every stored axis behind the batch."""
    return _grouped(view.stored[1:], [view.factors[index] for index in view.order])


def _grouped(sizes: Sequence[int], factors: Sequence[int]) -> list[list[int]]:
    indices = iter(range(len(factors)))
    groups = []
    for size in sizes:
        group, product = [], 1
        while product < size:
            index = next(indices)
            group.append(index)
            product *= factors[index]
        groups.append(group)
    return groups


def _refine(factors: Sequence[int], wanted: Sequence[int]) -> list[list[int]] | None:
    """Return each factor cut so that the cuts also fall between the wanted sizes."""
    pieces: list[list[int]] = []
    sizes = iter(wanted)
    room = next(sizes, 1)  # what is still to be filled of the current wanted size
    for factor in factors:
        piece, left = [], factor
        while left > 1:
            step = min(left, room)
            if max(left, room) % step:
                return None
            piece.append(step)
            left //= step
            room = room // step if room > step else next(sizes, 1)
        pieces.append(piece)
    return pieces
