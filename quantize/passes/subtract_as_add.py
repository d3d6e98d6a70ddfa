"""The difference from a constant becomes a sum, which folds into layers."""

from quantize.ir.graph import Array, FloatGraph
from quantize.ir.ops import Add, Operation, Sub
from quantize.passes.editing import as_float32, fresh_name, rebuild


def subtract_as_add(graph: FloatGraph) -> FloatGraph:
    """Return the graph with every x - constant as x + (-constant)."""
    constants: dict[str, Array] = {}
    operations: list[Operation] = []
    for operation in graph.operations:
        if isinstance(operation, Sub) and operation.right in graph.constants:
            negated = fresh_name(graph, f"{operation.output}/negated")
            constants[negated] = as_float32(-graph.constants[operation.right])
            sides = operation.left, negated, operation.output
            operations.append(Add(*sides, operation.activation))
        else:
            operations.append(operation)
    return rebuild(graph, operations, constants)
