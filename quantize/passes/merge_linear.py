"""Two fully connected layers with nothing between them are one."""

from dataclasses import replace

import numpy as np

from quantize.ir.graph import Array, FloatGraph
from quantize.ir.ops import Activation, FullyConnected, Operation
from quantize.passes.editing import (
    as_float32,
    fresh_name,
    makers,
    reader_counts,
    rebuild,
    replace_operations,
)


def merge_linear(graph: FloatGraph) -> FloatGraph:
    """Return the graph with such pairs as one layer, where that has no more weights than both.

    Principal components in front of a regression are such a pair, or a column picked of scores.
    """
    while (pair := _find(graph)) is not None:
        graph = _merge(graph, *pair)
    return graph


def _find(graph: FloatGraph) -> tuple[FullyConnected, FullyConnected] | None:
    made, counts = makers(graph), reader_counts(graph)
    for second in graph.operations:
        first = made.get(second.input) if isinstance(second, FullyConnected) else None
        if not isinstance(second, FullyConnected) or not isinstance(first, FullyConnected):
            continue
        is_free = counts[first.output] == 1 and first.activation is Activation.NONE
        if is_free and _are_known(graph, first, second) and _is_smaller(graph, first, second):
            return first, second
    return None


def _are_known(graph: FloatGraph, *layers: FullyConnected) -> bool:
    names = [name for layer in layers for name in (layer.weight, layer.bias)]
    return all(name is None or name in graph.constants for name in names)


def _is_smaller(graph: FloatGraph, first: FullyConnected, second: FullyConnected) -> bool:
    inner, outer = graph.constants[first.weight], graph.constants[second.weight]
    return int(outer.shape[0] * inner.shape[1]) <= inner.size + outer.size


def _merge(graph: FloatGraph, first: FullyConnected, second: FullyConnected) -> FloatGraph:
    weight = graph.constants[second.weight].astype(np.float64)
    bias = weight @ _bias(graph, first) + _bias(graph, second)
    names = [fresh_name(graph, f"{second.output}/merged_{part}") for part in ("weight", "bias")]
    constants = {
        names[0]: as_float32(weight @ graph.constants[first.weight].astype(np.float64)),
        names[1]: as_float32(bias),
    }
    merged = replace(second, input=first.input, weight=names[0], bias=names[1])
    changes: dict[str, Operation | None] = {first.output: None, second.output: merged}
    return rebuild(graph, replace_operations(graph.operations, changes), constants)


def _bias(graph: FloatGraph, layer: FullyConnected) -> Array:
    """Return the bias in float64, zeros where there is none."""
    if layer.bias is None:
        return np.zeros(len(graph.constants[layer.weight]))
    return graph.constants[layer.bias].astype(np.float64)
