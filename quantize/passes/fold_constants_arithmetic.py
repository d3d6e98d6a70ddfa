"""Sums and products with constants per channel go into the weights beside them.

Batch normalization, loaded as a product and a sum, disappears this way; so do the scalers of
classic models. Each fold is computed in float64 and rounded once.
"""

from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np

from quantize.ir.graph import Array, FloatGraph
from quantize.ir.ops import (
    Activation,
    Add,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Mul,
    Operation,
    Padding,
    TransposeConv2D,
)
from quantize.passes.editing import (
    as_float32,
    fresh_name,
    makers,
    reader_counts,
    rebuild,
    replace_operations,
)

Weighted = Conv2D | DepthwiseConv2D | TransposeConv2D | FullyConnected


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """An operation with weights, taken apart.

    Attributes:
        operation: As it is in the graph.
        weight: float64, in the operation's own layout.
        bias: float64, (O,); zeros where the operation has none.
    """

    operation: Weighted
    weight: Array
    bias: Array


@dataclass(frozen=True, slots=True, eq=False)
class _Fold:
    """What becomes of a layer and the sum or product beside it: `gone` goes, `layer` stays."""

    layer: _Layer
    before: Weighted
    gone: Add | Mul


def fold_constants_arithmetic(graph: FloatGraph) -> FloatGraph:
    """Return the graph without the sums and products that a layer beside them can take in.

    Behind a layer: constants per output channel. In front of one: constants per input channel;
    a sum only where nothing is padded, as padded cells would not have been shifted.
    """
    while (fold := _find(graph)) is not None:
        graph = _apply(graph, fold)
    return graph


def _find(graph: FloatGraph) -> _Fold | None:
    made, counts = makers(graph), reader_counts(graph)
    for operation in graph.operations:
        fold = None
        if isinstance(operation, Add | Mul):
            fold = _fold_behind(graph, operation, made, counts)
        elif isinstance(operation, Weighted):
            fold = _fold_in_front(graph, operation, made, counts)
        if fold is not None:
            return fold
    return None


def _fold_behind(
    graph: FloatGraph, gone: Add | Mul, made: dict[str, Operation], counts: dict[str, int]
) -> _Fold | None:
    parts = _variable_and_constant(graph, gone)
    producer = made.get(parts[0]) if parts else None
    if parts is None or not isinstance(producer, Weighted) or counts[producer.output] != 1:
        return None
    layer = _layer(graph, producer)
    per_channel = _per_output_channel(parts[1], graph.tensors[gone.output].shape)
    if layer is None or per_channel is None or producer.activation is not Activation.NONE:
        return None
    if graph.tensors[gone.output].shape != graph.tensors[producer.output].shape:
        return None
    changed = replace(producer, output=gone.output, activation=gone.activation)
    if isinstance(gone, Add):
        return _Fold(_Layer(changed, layer.weight, layer.bias + per_channel), producer, gone)
    weight = layer.weight * _along_outputs(producer, per_channel)
    return _Fold(_Layer(changed, weight, layer.bias * per_channel), producer, gone)


def _fold_in_front(
    graph: FloatGraph, consumer: Weighted, made: dict[str, Operation], counts: dict[str, int]
) -> _Fold | None:
    gone = made.get(consumer.input)
    if not isinstance(gone, Add | Mul) or counts[gone.output] != 1:
        return None
    parts, layer = _variable_and_constant(graph, gone), _layer(graph, consumer)
    if parts is None or layer is None or gone.activation is not Activation.NONE:
        return None
    if graph.tensors[parts[0]].shape != graph.tensors[gone.output].shape:
        return None
    per_input = _per_input(consumer, parts[1], graph.tensors[gone.output].shape)
    if per_input is None or (isinstance(gone, Add) and _pads(consumer)):
        return None
    changed = replace(consumer, input=parts[0])
    along = _along_inputs(consumer, per_input, layer.weight)
    if isinstance(gone, Mul):
        return _Fold(_Layer(changed, layer.weight * along, layer.bias), consumer, gone)
    shift = (layer.weight * along).sum(axis=_summed_axes(consumer))
    return _Fold(_Layer(changed, layer.weight, layer.bias + shift), consumer, gone)


def _apply(graph: FloatGraph, fold: _Fold) -> FloatGraph:
    layer = fold.layer
    weight = fresh_name(graph, f"{layer.operation.output}/folded_weight")
    bias = fresh_name(graph, f"{layer.operation.output}/folded_bias")
    operation = replace(layer.operation, weight=weight, bias=bias)
    constants = {weight: as_float32(layer.weight), bias: as_float32(layer.bias)}
    changes: dict[str, Operation | None] = {fold.gone.output: None, fold.before.output: operation}
    return rebuild(graph, replace_operations(graph.operations, changes), constants)


def _variable_and_constant(graph: FloatGraph, operation: Add | Mul) -> tuple[str, Array] | None:
    """Return the tensor that is computed and the values of the constant, if one is of each."""
    left, right = graph.constants.get(operation.left), graph.constants.get(operation.right)
    if left is None and right is not None:
        return operation.left, right.astype(np.float64)
    if right is None and left is not None:
        return operation.right, left.astype(np.float64)
    return None


def _layer(graph: FloatGraph, operation: Weighted) -> _Layer | None:
    weight = graph.constants.get(operation.weight)
    if weight is None:
        return None
    outputs = weight.shape[3] if isinstance(operation, DepthwiseConv2D) else weight.shape[0]
    bias = np.zeros(outputs) if operation.bias is None else graph.constants.get(operation.bias)
    if bias is None:
        return None
    return _Layer(operation, weight.astype(np.float64), bias.astype(np.float64))


def _per_output_channel(values: Array, shape: tuple[int, ...]) -> Array | None:
    """Return the constant as (C,), None if it differs along another axis than the last."""
    if any(size > 1 for size in values.shape[:-1]):
        return None
    return np.broadcast_to(values.ravel(), shape[-1:])


def _per_input(consumer: Weighted, values: Array, shape: tuple[int, ...]) -> Array | None:
    """Return the constant per input channel, or per flattened input of a fully connected layer."""
    if isinstance(consumer, FullyConnected):
        return np.broadcast_to(values, shape).ravel()
    return _per_output_channel(values, shape)


def _along_outputs(operation: Weighted, per_channel: Array) -> Array:
    """Return the values so that they broadcast along the weight's output axis."""
    match operation:
        case Conv2D() | TransposeConv2D():
            return per_channel[:, None, None, None]
        case DepthwiseConv2D():
            return per_channel
        case FullyConnected():
            return per_channel[:, None]
        case _:
            assert_never(operation)


def _along_inputs(operation: Weighted, per_input: Array, weight: Array) -> Array:
    """Return the values so that they broadcast along the weight's input axis."""
    if isinstance(operation, DepthwiseConv2D):
        return np.repeat(per_input, weight.shape[3] // len(per_input))
    return per_input


def _summed_axes(operation: Weighted) -> tuple[int, ...]:
    """Return the weight's axes over which one output value sums."""
    match operation:
        case Conv2D() | TransposeConv2D():
            return (1, 2, 3)
        case DepthwiseConv2D():
            return (0, 1, 2)
        case FullyConnected():
            return (1,)
        case _:
            assert_never(operation)


def _pads(operation: Weighted) -> bool:
    """Tell whether some outputs see fewer inputs than others."""
    if isinstance(operation, TransposeConv2D):
        return True
    return not isinstance(operation, FullyConnected) and operation.padding != Padding()
