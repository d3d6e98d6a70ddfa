"""The two scores of two classes, made of one, come from one layer of two rows.

scikit-learn's binary classifiers end in 1 - p beside p, or -z beside z. As operations of their own
these would each be rounded; as rows of the layer in front they cost a few weights.
"""

from dataclasses import dataclass, replace

import numpy as np

from quantize.ir.graph import Array, FloatGraph
from quantize.ir.ops import Activation, Add, Concat, FullyConnected, Logistic, Mul, Operation
from quantize.passes.drop_dead import drop_dead
from quantize.passes.editing import as_float32, fresh_name, makers, reader_counts, rebuild


def join_class_scores(graph: FloatGraph) -> FloatGraph:
    """Return the graph with each Concat of (1 - p, p) or (-z, z) as a layer of two rows."""
    made = makers(graph)
    for concat in graph.operations:
        pair = _pair(concat, graph, made) if isinstance(concat, Concat) else None
        if pair is not None:
            graph = _join(graph, pair)
    return graph


@dataclass(frozen=True, slots=True)
class _Pair:
    """A layer of one row whose score, or its logistic, is joined with its opposite."""

    layer: FullyConnected
    concat: Concat
    is_logistic: bool


def _pair(concat: Concat, graph: FloatGraph, made: dict[str, Operation]) -> _Pair | None:
    if len(concat.inputs) != 2 or graph.tensors[concat.output].shape != (1, 2):
        return None
    opposite, score = (made.get(name) for name in concat.inputs)
    curve = score if isinstance(score, Logistic) else None
    layer = made.get(curve.input) if curve else score
    if not isinstance(layer, FullyConnected) or layer.activation is not Activation.NONE:
        return None
    if curve is not None:  # 1 - p is -p + 1
        opposite = _scaled_by(opposite, Add, 1.0, graph, made)
    is_opposite = _scaled_by(opposite, Mul, -1.0, graph, made) is score
    counts = reader_counts(graph)
    is_private = counts[layer.output] == (1 if curve else 2)
    return _Pair(layer, concat, curve is not None) if is_opposite and is_private else None


def _scaled_by(
    operation: Operation | None,
    kind: type[Add | Mul],
    value: float,
    graph: FloatGraph,
    made: dict[str, Operation],
) -> Operation | None:
    """Return what makes the tensor to which the operation adds, or times, exactly `value`."""
    if not isinstance(operation, kind) or operation.activation is not Activation.NONE:
        return None
    for constant, other in (
        (operation.left, operation.right),
        (operation.right, operation.left),
    ):
        values = graph.constants.get(constant)
        if values is not None and values.size == 1 and float(values.item()) == value:
            return made.get(other)
    return None


def _join(graph: FloatGraph, pair: _Pair) -> FloatGraph:
    """Return the graph in which the layer has the rows -w and w."""
    layer, output = pair.layer, pair.concat.output
    weight, bias = fresh_name(graph, f"{output}/rows"), None
    constants = {weight: _opposites(graph.constants[layer.weight])}
    if layer.bias is not None:
        bias = fresh_name(graph, f"{output}/rows_bias")
        constants[bias] = _opposites(graph.constants[layer.bias])
    scores = fresh_name(graph, f"{output}/scores") if pair.is_logistic else output
    both = replace(layer, weight=weight, bias=bias, output=scores)
    parts: list[Operation] = [both, Logistic(scores, output)] if pair.is_logistic else [both]
    operations = [
        part
        for operation in graph.operations
        for part in (parts if operation is pair.concat else [operation])
    ]
    return drop_dead(rebuild(graph, operations, constants))


def _opposites(values: Array) -> Array:
    return as_float32(np.concatenate([-values, values]))
