"""Bands: the first layers of a graph computed a few rows at a time, one band after the other.

No tensor inside the head is then in memory as a whole: what it costs are the rows that two bands
both need, which are computed twice. A band is as wide as the image, so that its rows lie one
behind the other: a band of the input is a Slice and all bands of the output a Concat that move no
byte (storage.py), and the kernels and their weights are those of the whole layers. The idea of
computing the first layers by patches is MCUNet's (Lin et al., "MCUNetV2", arXiv 2110.15352).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

from firmware_export.errors import BandsError
from quantize.ir.graph import IntGraph, TensorType
from quantize.ir.moving_ops import Slice
from quantize.ir.ops import (
    Activate,
    Add,
    AveragePool2D,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    HardSwish,
    LeakyRelu,
    Logistic,
    Maximum,
    MaxPool2D,
    Minimum,
    Mul,
    Operation,
    Padding,
    Quantize,
    Sub,
    Tanh,
    input_names,
    rename_tensors,
)

Windowed: TypeAlias = Conv2D | DepthwiseConv2D | AveragePool2D | MaxPool2D
_WINDOWED = (Conv2D, DepthwiseConv2D, AveragePool2D, MaxPool2D)
_POINTWISE = (
    *(Activate, Quantize, HardSwish, LeakyRelu, Logistic, Tanh),
    *(Add, Sub, Mul, Minimum, Maximum),
)
_ROWS = 1  # the axis


@dataclass(frozen=True, slots=True)
class Bands:
    """How the head of a graph is cut.

    Attributes:
        depth: How many of the first operations are computed band by band, at least 1.
        count: How many bands there are, at least 2.
    """

    depth: int
    count: int


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows [begin, end) of an image."""

    begin: int
    end: int

    def joined(self, other: "_Rows") -> "_Rows":
        return _Rows(min(self.begin, other.begin), max(self.end, other.end))


def legal_depths(graph: IntGraph) -> list[int]:
    """Return how many of the first operations can be the head, in ascending order.

    All of them work on rows, and nothing but the last one's output is read behind it.
    """
    depths = []
    for index, operation in enumerate(graph.operations):
        if not _works_on_rows(operation, graph):
            break
        if (
            _crossing(graph, index + 1) == {operation.output}
            and _height(operation.output, graph) > 1
        ):
            depths.append(index + 1)
    return depths


def in_bands(graph: IntGraph, bands: Bands) -> IntGraph:
    """Return a graph that computes the same integers, its head in bands.

    It is an IntGraph but for one rule: bands are padded at one side only, which a model file
    cannot say and the kernels can.

    Raises:
        BandsError: The head cannot be cut like that; says what can.
    """
    depths = legal_depths(graph)
    if bands.depth not in depths:
        allowed = ", ".join(map(str, depths)) or "none"
        raise BandsError(f"bands over the first {bands.depth} operations, allowed are {allowed}")
    head = graph.operations[: bands.depth]
    last, height = head[-1].output, _height(head[-1].output, graph)
    if not 2 <= bands.count <= height:
        raise BandsError(f"{bands.count} bands of {height} rows, allowed are 2 to {height}")
    tensors, operations = dict(graph.tensors), list[Operation]()
    for number, rows in enumerate(_cut(height, bands.count)):
        for operation, made in _Band(graph, head, rows, number).operations():
            operations.append(operation)
            tensors[operation.output] = made
    parts = tuple(_name(last, number) for number in range(bands.count))
    operations += [Concat(parts, last, _ROWS), *graph.operations[bands.depth :]]
    inner = {operation.output for operation in head[:-1]}
    kept = {name: tensor for name, tensor in tensors.items() if name not in inner}
    return replace(graph, tensors=kept, operations=tuple(operations))


def _works_on_rows(operation: Operation, graph: IntGraph) -> bool:
    if isinstance(operation, _WINDOWED):
        return True
    if not isinstance(operation, _POINTWISE):
        return False
    shape = graph.tensors[operation.output].shape
    return len(shape) == 4 and all(
        _is_spread_over_rows(name, graph)
        if name in graph.constants
        else graph.tensors[name].shape[:2] == shape[:2] and len(graph.tensors[name].shape) == 4
        for name in input_names(operation)
    )


def _is_spread_over_rows(constant: str, graph: IntGraph) -> bool:
    """Tell whether a constant is the same for all rows."""
    shape = graph.tensors[constant].shape
    return len(shape) < 3 or shape[-3] == 1


def _crossing(graph: IntGraph, depth: int) -> set[str]:
    """Return what the rest of the graph reads of what there is before it."""
    before = {*graph.inputs, *(operation.output for operation in graph.operations[:depth])}
    read = {name for operation in graph.operations[depth:] for name in input_names(operation)}
    return before & (read | set(graph.outputs))


def _height(name: str, graph: IntGraph) -> int:
    return graph.tensors[name].shape[_ROWS]


def _cut(height: int, count: int) -> Iterator[_Rows]:
    """Give `count` bands of rows, as even as can be."""
    edges = [height * number // count for number in range(count + 1)]
    return (_Rows(begin, end) for begin, end in pairwise(edges))


def _name(tensor: str, number: int) -> str:
    return f"{tensor} band {number}"


class _Band:
    """One band of a head."""

    def __init__(
        self, graph: IntGraph, head: Sequence[Operation], rows: _Rows, number: int
    ) -> None:
        self._graph, self._head, self._number = graph, head, number
        self._rows = _needed_rows(graph, head, rows)

    def operations(self) -> Iterator[tuple[Operation, TensorType]]:
        """Give what computes the band, each with the type of what it makes."""
        for operation in self._head:
            if operation.output not in self._rows:
                continue  # no row of it is read in this band
            made = self._rows[operation.output]
            names = {operation.output: _name(operation.output, self._number)}
            for name in dict.fromkeys(input_names(operation)):
                if name in self._graph.constants:
                    continue
                source, has = self._source(name)
                wanted = _rows_read(operation, made, self._graph)
                names[name] = source
                if wanted != has:
                    names[name] = f"{source} for {names[operation.output]}"
                    yield self._slice(source, has, names[name], wanted, name)
            renamed = rename_tensors(operation, names)
            if isinstance(renamed, _WINDOWED):
                padding = _padding(operation, made, self._graph)
                renamed = replace(renamed, padding=padding)
            yield renamed, self._type(operation.output, made)

    def _source(self, name: str) -> tuple[str, _Rows]:
        """Return the tensor that holds the rows of another, and which rows these are."""
        if name in self._graph.inputs:
            return name, _Rows(0, _height(name, self._graph))
        return _name(name, self._number), self._rows[name]

    def _slice(
        self, source: str, has: _Rows, output: str, wanted: _Rows, like: str
    ) -> tuple[Slice, TensorType]:
        made = self._type(like, wanted)
        starts = (0, wanted.begin - has.begin, 0, 0)
        return Slice(source, output, starts, made.shape, (1, 1, 1, 1)), made

    def _type(self, name: str, rows: _Rows) -> TensorType:
        tensor = self._graph.tensors[name]
        batch, _, *rest = tensor.shape
        return replace(tensor, shape=(batch, rows.end - rows.begin, *rest))


def _needed_rows(graph: IntGraph, head: Sequence[Operation], rows: _Rows) -> Mapping[str, _Rows]:
    """Return the rows of each tensor of the head without which `rows` of its output lack."""
    needed = {head[-1].output: rows}
    for operation in reversed(head):
        if operation.output not in needed:
            continue
        read = _rows_read(operation, needed[operation.output], graph)
        for name in input_names(operation):
            if name not in graph.constants:
                needed[name] = read.joined(needed.get(name, read))
    return needed


def _rows_read(operation: Operation, made: _Rows, graph: IntGraph) -> _Rows:
    """Return the rows of the input that these rows of the output are made from."""
    if not isinstance(operation, _WINDOWED):
        return made
    begin, end = _reach(operation, made, graph)
    return _Rows(max(begin, 0), min(end, _height(operation.input, graph)))


def _padding(operation: Operation, made: _Rows, graph: IntGraph) -> Padding:
    """Return the padding of a band: that of the whole where the band is at its edge."""
    assert isinstance(operation, _WINDOWED)  # the caller asked
    begin, end = _reach(operation, made, graph)
    below = max(end - _height(operation.input, graph), 0)
    return replace(operation.padding, top=max(-begin, 0), bottom=below)


def _reach(operation: Windowed, made: _Rows, graph: IntGraph) -> tuple[int, int]:
    """Return the first row of the first window and the end of the last one, padding and all."""
    if isinstance(operation, Conv2D | DepthwiseConv2D):
        kernel, dilation = graph.tensors[operation.weight].shape[1], operation.dilation[0]
    else:
        kernel, dilation = operation.kernel[0], 1
    stride, top = operation.stride[0], operation.padding.top
    last = (made.end - 1) * stride - top
    return made.begin * stride - top, last + (kernel - 1) * dilation + 1
