"""Integer graphs made of one: with its logits as an output, or one operation alone."""

from quantize.ir.graph import FloatGraph, Graph, IntGraph
from quantize.ir.ops import (
    ArgMax,
    Logistic,
    LogSoftmax,
    Operation,
    Quantize,
    Reshape,
    Softmax,
    input_names,
)
from quantize.ir.spec import check_float, check_integer


def logits_name(graph: Graph) -> str:
    """Return the first output, or what it was before a last softmax or logistic flattened it.

    Differences are counted there: 5 codes of logits have been seen to become 83 of a softmax.
    """
    makers = {operation.output: operation for operation in graph.operations}
    name = graph.outputs[0]
    while isinstance(makers.get(name), Reshape | Quantize):
        name = input_names(makers[name])[0]
    last = makers.get(name)
    return (
        last.input
        if isinstance(last, Softmax | LogSoftmax | Logistic | ArgMax)
        else graph.outputs[0]
    )


def with_logits(graph: IntGraph) -> IntGraph:
    """Return the graph with its logits as a further output; what it computes is the same."""
    outputs = tuple(dict.fromkeys((*graph.outputs, logits_name(graph))))
    return check_integer(
        Graph(
            name=graph.name,
            inputs=graph.inputs,
            outputs=outputs,
            tensors=graph.tensors,
            constants=graph.constants,
            operations=graph.operations,
        ),
        graph.profile,
    )


def alone(graph: IntGraph, operation: Operation) -> IntGraph:
    """Return a graph of one operation; the activations it reads are its inputs."""
    return check_integer(_alone(graph, operation), graph.profile)


def float_alone(graph: FloatGraph, operation: Operation) -> FloatGraph:
    """Return a float graph of one operation; the activations it reads are its inputs."""
    return check_float(_alone(graph, operation))


def _alone(graph: Graph, operation: Operation) -> Graph:
    read = dict.fromkeys(input_names(operation))
    inputs = tuple(name for name in read if name not in graph.constants)
    kept = {*read, operation.output}
    return Graph(
        name=graph.name,
        inputs=inputs,
        outputs=(operation.output,),
        tensors={name: kind for name, kind in graph.tensors.items() if name in kept},
        constants={name: value for name, value in graph.constants.items() if name in read},
        operations=(operation,),
    )
