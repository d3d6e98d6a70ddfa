"""x * (relu6(x + 3) / 6) is one hard swish, however its factors are grouped."""

from collections.abc import Iterator, Mapping

from quantize.ir.graph import FloatGraph
from quantize.ir.ops import Activate, Activation, Add, HardSwish, Mul, Operation
from quantize.passes.drop_dead import drop_dead
from quantize.passes.editing import makers, rebuild

NEARLY = 1e-6

_Makers = Mapping[str, Operation]


def fuse_hard_swish(graph: FloatGraph) -> FloatGraph:
    """Return the graph with such products as HardSwish, without what is not read any more."""
    made = makers(graph)
    operations: list[Operation] = []
    for operation in graph.operations:
        source = _source(operation, graph, made)
        operations.append(operation if source is None else HardSwish(source, operation.output))
    return drop_dead(rebuild(graph, operations))


def _source(operation: Operation, graph: FloatGraph, made: _Makers) -> str | None:
    """Return x where the operation is a product of x, relu6(x + 3) and 1/6, None for others."""
    if not isinstance(operation, Mul) or operation.activation is not Activation.NONE:
        return None
    for constant, left, right in _triples(operation, graph, made):
        for source, gate in ((left, right), (right, left)):
            is_x = source in _gated(gate, graph, made)
            is_shaped = graph.tensors[source].shape == graph.tensors[operation.output].shape
            if is_x and is_shaped and abs(constant - 1 / 6) <= NEARLY:
                return source
    return None


def _triples(operation: Mul, graph: FloatGraph, made: _Makers) -> Iterator[tuple[float, str, str]]:
    """Yield the ways to read an operation as a product of a number and two tensors."""
    for inner_name, other in _both_ways(operation):
        inner = made.get(inner_name)
        if not isinstance(inner, Mul) or inner.activation is not Activation.NONE:
            continue
        if (value := _number(other, graph)) is not None:
            yield value, inner.left, inner.right
        for name, constant in _both_ways(inner):
            if (value := _number(constant, graph)) is not None:
                yield value, name, other


def _gated(gate: str, graph: FloatGraph, made: _Makers) -> list[str]:
    """Return x where `gate` is relu6(x + 3), nothing for others."""
    clamp = made.get(gate)
    raised = made.get(clamp.input) if isinstance(clamp, Activate) else clamp
    if not isinstance(raised, Add) or not isinstance(clamp, Activate | Add):
        return []
    expected = Activation.NONE if isinstance(clamp, Activate) else Activation.RELU6
    if clamp.activation is not Activation.RELU6 or raised.activation is not expected:
        return []
    sides = ((name, _number(other, graph)) for name, other in _both_ways(raised))
    return [name for name, value in sides if value is not None and abs(value - 3.0) <= NEARLY]


def _both_ways(pair: Add | Mul) -> tuple[tuple[str, str], tuple[str, str]]:
    return (pair.left, pair.right), (pair.right, pair.left)


def _number(name: str, graph: FloatGraph) -> float | None:
    values = graph.constants.get(name)
    return float(values.ravel()[0]) if values is not None and values.size == 1 else None
