"""Reshapes behind one another become one; those that change nothing go."""

from quantize.ir.graph import FloatGraph
from quantize.ir.ops import FullyConnected, Operation, Reshape, rename_tensors
from quantize.passes.drop_dead import drop_dead
from quantize.passes.editing import rebuild


def merge_reshapes(graph: FloatGraph) -> FloatGraph:
    """Return the graph with each run of reshapes as one, and none before a fully connected layer.

    A fully connected layer flattens its input by itself.
    """
    origin: dict[str, str] = {}  # the tensor whose values a reshape shows in another shape
    same: dict[str, str] = {}
    kept: list[Operation] = []
    for operation in graph.operations:
        current = rename_tensors(operation, same)
        if isinstance(current, Reshape):
            source = origin.get(current.input, current.input)
            origin[current.output] = source
            current = Reshape(source, current.output)
            is_idle = graph.tensors[source].shape == graph.tensors[current.output].shape
            if is_idle and current.output not in graph.outputs:
                same[current.output] = source
                continue
        if isinstance(current, FullyConnected):
            current = _reading(current, origin.get(current.input, current.input), graph)
        kept.append(current)
    return drop_dead(rebuild(graph, kept))


def _reading(layer: FullyConnected, source: str, graph: FloatGraph) -> Operation:
    is_batched = len(graph.tensors[source].shape) > 1
    return rename_tensors(layer, {layer.input: source}) if is_batched else layer
