"""Operations and tensors that no output needs."""

from quantize.ir.graph import FloatGraph
from quantize.ir.ops import Operation, input_names
from quantize.passes.editing import rebuild


def drop_dead(graph: FloatGraph) -> FloatGraph:
    """Return the graph without what no output needs; inputs stay."""
    needed = set(graph.outputs)
    kept: list[Operation] = []
    for operation in reversed(graph.operations):
        if operation.output in needed:
            kept.append(operation)
            needed.update(input_names(operation))
    return rebuild(graph, reversed(kept))
