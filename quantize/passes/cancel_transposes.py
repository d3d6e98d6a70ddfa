"""Transposes behind one another become one, and those that move nothing go."""

from quantize.ir.graph import FloatGraph
from quantize.ir.ops import Operation, Reshape, Transpose, rename_tensors
from quantize.passes.drop_dead import drop_dead
from quantize.passes.editing import rebuild


def cancel_transposes(graph: FloatGraph) -> FloatGraph:
    """Return the graph with each run of transposes as one, or as a reshape, or gone."""
    made: dict[str, Operation] = {}
    same: dict[str, str] = {}  # what reads the first reads the second
    for operation in graph.operations:
        current = rename_tensors(operation, same)
        if isinstance(current, Transpose):
            current = _compose(current, made)
            if _is_identity(current) and current.output not in graph.outputs:
                same[current.output] = current.input
                continue
            if _moves_nothing(current, graph):
                current = Reshape(current.input, current.output)
        made[current.output] = current
    return drop_dead(rebuild(graph, made.values()))


def _compose(transpose: Transpose, made: dict[str, Operation]) -> Transpose:
    before = made.get(transpose.input)
    if not isinstance(before, Transpose):
        return transpose
    permutation = tuple(before.permutation[axis] for axis in transpose.permutation)
    return Transpose(before.input, transpose.output, permutation)


def _is_identity(transpose: Transpose) -> bool:
    return transpose.permutation == tuple(range(len(transpose.permutation)))


def _moves_nothing(transpose: Transpose, graph: FloatGraph) -> bool:
    """Tell whether only axes of size 1 change places, so that the values stay in order."""
    shape = graph.tensors[transpose.input].shape
    moved = [axis for axis in transpose.permutation if shape[axis] > 1]
    return moved == sorted(moved)
