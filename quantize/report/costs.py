"""What a graph costs: multiply-accumulates and bytes, operation by operation."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from quantize.ir.graph import DType, Graph
from quantize.ir.ops import (
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Operation,
    TransposeConv2D,
    input_names,
)

_BYTES = {dtype: np.dtype(dtype.value).itemsize for dtype in DType}


@dataclass(frozen=True, slots=True)
class OperationCost:
    """One operation.

    Attributes:
        name: Of its output.
        operation: Its kind.
        shape: Of its output, batch 1 first.
        macs: Multiply-accumulates; 0 for operations without weights.
        parameters: How many weights and biases.
    """

    name: str
    operation: str
    shape: tuple[int, ...]
    macs: int
    parameters: int


@dataclass(frozen=True, slots=True)
class LayerBytes:
    """What one operation of a graph costs as it stands.

    Attributes:
        name: Of its output.
        operation: Its kind.
        shape: Of its output, batch 1 first.
        macs: Multiply-accumulates.
        constant_bytes: Of its weights and biases.
        output_bytes: Of its output.
    """

    name: str
    operation: str
    shape: tuple[int, ...]
    macs: int
    constant_bytes: int
    output_bytes: int


def layer_bytes(graph: Graph) -> tuple[LayerBytes, ...]:
    """Return what each operation costs in MACs and bytes, in the order they run."""
    return tuple(_bytes(operation, graph) for operation in graph.operations)


def operation_costs(graph: Graph) -> tuple[OperationCost, ...]:
    """Return what each operation costs for one sample, in the order they run."""
    return tuple(_cost(operation, graph) for operation in graph.operations)


def total_macs(graph: Graph) -> int:
    """Return the multiply-accumulates of one inference."""
    return sum(_macs(operation, graph) for operation in graph.operations)


def operation_counts(graph: Graph) -> Mapping[str, int]:
    """Return how many operations of each kind there are, sorted by kind."""
    return dict(sorted(Counter(type(entry).__name__ for entry in graph.operations).items()))


def constant_bytes(graph: Graph) -> int:
    """Return the size of all constants."""
    return sum(values.nbytes for values in graph.constants.values())


def largest_activation_bytes(graph: Graph) -> int:
    """Return the size of what the hungriest operation reads and writes at once, constants not."""
    return max((_live_bytes(operation, graph) for operation in graph.operations), default=0)


def _bytes(operation: Operation, graph: Graph) -> LayerBytes:
    constants = {name for name in input_names(operation) if name in graph.constants}
    output = graph.tensors[operation.output]
    return LayerBytes(
        name=operation.output,
        operation=type(operation).__name__,
        shape=output.shape,
        macs=_macs(operation, graph),
        constant_bytes=sum(graph.constants[name].nbytes for name in constants),
        output_bytes=prod(output.shape) * _BYTES[output.dtype],
    )


def _cost(operation: Operation, graph: Graph) -> OperationCost:
    constants = {name for name in input_names(operation) if name in graph.constants}
    return OperationCost(
        name=operation.output,
        operation=type(operation).__name__,
        shape=graph.tensors[operation.output].shape,
        macs=_macs(operation, graph),
        parameters=sum(graph.constants[name].size for name in constants),
    )


def _macs(operation: Operation, graph: Graph) -> int:
    outputs = prod(graph.tensors[operation.output].shape)
    match operation:
        case Conv2D(weight=weight):
            return outputs * prod(graph.tensors[weight].shape[1:])
        case DepthwiseConv2D(weight=weight):
            return outputs * prod(graph.tensors[weight].shape[1:3])
        case TransposeConv2D(input=image, weight=weight):
            pixels = prod(graph.tensors[image].shape[:3])
            return pixels * prod(graph.tensors[weight].shape)
        case FullyConnected(weight=weight):
            return outputs * graph.tensors[weight].shape[1]
        case _:
            return 0


def _live_bytes(operation: Operation, graph: Graph) -> int:
    names = {*input_names(operation), operation.output} - set(graph.constants)
    return sum(prod(graph.tensors[n].shape) * _BYTES[graph.tensors[n].dtype] for n in names)
