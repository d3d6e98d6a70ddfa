"""A layer that is read only in slices of its channels becomes a layer per slice.

A detector's last convolution often makes boxes and scores at once, and slices them apart: in int8
they would share one scale, and the scores get what the boxes leave of 256 codes. Apart each has its
own, and nothing is copied any more. The products stay the same; channels that nobody reads go.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from quantize.ir.graph import Array, FloatGraph
from quantize.ir.moving_ops import Slice
from quantize.ir.ops import Conv2D, FullyConnected, Operation, Reshape, input_names
from quantize.passes.editing import fresh_name, rebuild


@dataclass(frozen=True, slots=True)
class _Cut:
    """A layer with all that reads it.

    Attributes:
        reshape: Between the layer and its slices; None: nothing is.
        rows: Of the layer's weight, by slice.
    """

    layer: Conv2D | FullyConnected
    reshape: Reshape | None
    slices: tuple[Slice, ...]
    rows: tuple[Array, ...]


def split_layers(graph: FloatGraph) -> FloatGraph:
    """Return the graph with such layers split, with the same float result."""
    readers = _readers(graph)
    cuts = [cut for op in graph.operations if (cut := _find(op, graph, readers)) is not None]
    if not cuts:
        return graph
    constants: dict[str, Array] = {}
    parts = {cut.layer.output: _parts(cut, graph, constants) for cut in cuts}
    gone = {name for cut in cuts for name in _replaced(cut)}
    operations: list[Operation] = []
    for operation in graph.operations:
        operations += parts.get(operation.output, [operation] * (operation.output not in gone))
    return rebuild(graph, operations, constants)


def _readers(graph: FloatGraph) -> dict[str, list[Operation | None]]:
    """Return what reads each tensor; None stands for the caller, to whom it is an output."""
    readers: dict[str, list[Operation | None]] = {name: [] for name in graph.tensors}
    for operation in graph.operations:
        for name in input_names(operation):
            readers[name].append(operation)
    for name in graph.outputs:
        readers[name].append(None)
    return readers


def _find(
    layer: Operation, graph: FloatGraph, readers: Mapping[str, Sequence[Operation | None]]
) -> _Cut | None:
    if not isinstance(layer, Conv2D | FullyConnected) or not _is_known(layer, graph):
        return None
    found, reshape = readers[layer.output], None
    if len(found) == 1 and isinstance(found[0], Reshape):
        reshape = found[0]
        found = readers[reshape.output]
    sliced = graph.tensors[layer.output if reshape is None else reshape.output].shape
    slices = tuple(op for op in found if isinstance(op, Slice) and _is_of_channels(op, sliced))
    channels = graph.tensors[layer.output].shape[-1]
    if not slices or len(slices) < len(found) or channels % sliced[-1]:
        return None
    rows = tuple(_rows(op, sliced[-1], channels) for op in slices)
    if len(np.unique(np.concatenate(rows))) < sum(map(len, rows)):
        return None  # slices that overlap would be computed twice
    return _Cut(layer, reshape, slices, rows)


def _is_known(layer: Conv2D | FullyConnected, graph: FloatGraph) -> bool:
    names = (layer.weight, layer.bias)
    return all(name is None or name in graph.constants for name in names)


def _is_of_channels(operation: Slice, shape: tuple[int, ...]) -> bool:
    """Tell whether all but the last axis are taken whole, and that one without gaps."""
    is_whole = operation.sizes[:-1] in {shape[:-1], (1, *shape[1:-1])}
    return is_whole and not any(operation.starts[:-1]) and set(operation.steps) == {1}


def _rows(operation: Slice, period: int, channels: int) -> Array:
    """Return which channels of the layer a slice takes; several of each anchor, if it reshapes."""
    start, size = operation.starts[-1], operation.sizes[-1]
    anchors = np.arange(0, channels, period)
    rows: Array = (anchors[:, np.newaxis] + np.arange(start, start + size)).ravel()
    return rows


def _parts(cut: _Cut, graph: FloatGraph, constants: dict[str, Array]) -> list[Operation]:
    """Return the layers that take a layer's place, their weights among the constants."""
    made: list[Operation] = []
    layer = cut.layer
    for operation, rows in zip(cut.slices, cut.rows, strict=True):
        output = operation.output
        if cut.reshape is not None:
            output = fresh_name(graph, f"{output}/split")
        weight, bias = fresh_name(graph, f"{output}/weight"), None
        constants[weight] = np.ascontiguousarray(graph.constants[layer.weight][rows])
        if layer.bias is not None:
            bias = fresh_name(graph, f"{output}/bias")
            constants[bias] = graph.constants[layer.bias][rows]
        made.append(replace(layer, weight=weight, bias=bias, output=output))
        if cut.reshape is not None:
            made.append(Reshape(output, operation.output))
    return made


def _replaced(cut: _Cut) -> list[str]:
    names = [operation.output for operation in cut.slices]
    return names if cut.reshape is None else [*names, cut.reshape.output]
