"""Parts of an integer graph: up to a tensor, or one operation alone."""

from quantize.ir.graph import Graph, IntGraph
from quantize.ir.ops import Logistic, Operation, Reshape, Softmax, input_names
from quantize.ir.spec import check_integer


def logits_name(graph: Graph) -> str:
    """Return the first output, or what it was before a last softmax or logistic flattened it.

    Differences are counted there: 5 codes of logits have been seen to become 83 of a softmax.
    """
    makers = {operation.output: operation for operation in graph.operations}
    name = graph.outputs[0]
    while isinstance(makers.get(name), Reshape):
        name = input_names(makers[name])[0]
    last = makers.get(name)
    return last.input if isinstance(last, Softmax | Logistic) else graph.outputs[0]


def up_to(graph: IntGraph, name: str) -> IntGraph:
    """Return the part of the graph that makes the tensor `name`, its only output."""
    wanted, kept = {name}, list[Operation]()
    for operation in reversed(graph.operations):
        if operation.output in wanted:
            wanted.update(input_names(operation))
            kept.append(operation)
    inputs = tuple(entry for entry in graph.inputs if entry in wanted)
    return _part(graph, tuple(reversed(kept)), inputs, name)


def alone(graph: IntGraph, operation: Operation) -> IntGraph:
    """Return a graph of one operation; the activations it reads are its inputs."""
    read = dict.fromkeys(input_names(operation))
    inputs = tuple(name for name in read if name not in graph.constants)
    return _part(graph, (operation,), inputs, operation.output)


def _part(
    graph: IntGraph, operations: tuple[Operation, ...], inputs: tuple[str, ...], output: str
) -> IntGraph:
    made = {operation.output for operation in operations}
    read = {name for operation in operations for name in input_names(operation)}
    kept = made | read | set(inputs)
    return check_integer(
        Graph(
            name=graph.name,
            inputs=inputs,
            outputs=(output,),
            tensors={name: kind for name, kind in graph.tensors.items() if name in kept},
            constants={name: value for name, value in graph.constants.items() if name in read},
            operations=operations,
        ),
        graph.profile,
    )
