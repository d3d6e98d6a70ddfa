"""A clamp goes into the operation that makes its input."""

from dataclasses import replace

from quantize.ir.graph import FloatGraph
from quantize.ir.ops import (
    Activate,
    Activation,
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    MaxPool2D,
    Mul,
    Operation,
    Sub,
    TransposeConv2D,
)
from quantize.passes.editing import reader_counts, rebuild

Clamping = (
    Conv2D
    | DepthwiseConv2D
    | TransposeConv2D
    | FullyConnected
    | Add
    | Sub
    | Mul
    | AveragePool2D
    | MaxPool2D
)


def fuse_activations(graph: FloatGraph) -> FloatGraph:
    """Return the graph with each Activate inside its producer, where nothing else reads between."""
    counts = reader_counts(graph)
    made: dict[str, Operation] = {}
    for operation in graph.operations:
        producer = made.get(operation.input) if isinstance(operation, Activate) else None
        current = operation
        if isinstance(operation, Activate) and counts[operation.input] == 1:
            current = _clamped(producer, operation)
        if current is not operation and producer is not None:
            del made[producer.output]
        made[current.output] = current
    return rebuild(graph, made.values())


def _clamped(producer: Operation | None, clamp: Activate) -> Operation:
    """Return the producer with the clamp inside, or the clamp itself where it cannot take it."""
    if isinstance(producer, Activate):
        return replace(
            producer, output=clamp.output, activation=_both(producer.activation, clamp.activation)
        )
    if isinstance(producer, Clamping):
        return replace(
            producer, output=clamp.output, activation=_both(producer.activation, clamp.activation)
        )
    return clamp


def _both(first: Activation, second: Activation) -> Activation:
    """Return the clamp that does what both do: RELU6 clamps wherever RELU does."""
    return Activation.RELU6 if Activation.RELU6 in {first, second} else second
