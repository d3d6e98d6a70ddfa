"""An average pool over the whole image is a Mean, whose integer form has a scale of its own."""

from dataclasses import replace

from quantize.ir.graph import FloatGraph
from quantize.ir.ops import Activation, AveragePool2D, Mean, Operation, Padding


def global_pool_as_mean(graph: FloatGraph) -> FloatGraph:
    """Return the graph with every AveragePool2D that sees the whole image at once as a Mean."""
    operations = tuple(_as_mean(operation, graph) for operation in graph.operations)
    return replace(graph, operations=operations)


def _as_mean(operation: Operation, graph: FloatGraph) -> Operation:
    if not isinstance(operation, AveragePool2D) or operation.activation is not Activation.NONE:
        return operation
    _, height, width, _ = graph.tensors[operation.input].shape
    if operation.kernel != (height, width) or operation.padding != Padding():
        return operation
    return Mean(operation.input, operation.output, (1, 2), keep_dims=True)
