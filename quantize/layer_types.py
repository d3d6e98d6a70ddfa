"""Layer types: which operations compute in int16, which stay in float32, as the recipe chose."""

from collections.abc import Iterator, Mapping, Sequence

from quantize.errors import RecipeError
from quantize.ir.graph import DType, FloatGraph
from quantize.ir.ops import Operation, input_names
from quantize.ir.widths import INT16_OPERATIONS
from quantize.layer_names import given_name
from quantize.params import MOVING_OPERATIONS
from quantize.recipe import ALL_LAYERS, Recipe


def layer_types(graph: FloatGraph, recipe: Recipe) -> Mapping[str, DType]:
    """Return the type that each operation computes in, by the name of its output.

    What only moves values and was not chosen is as wide as what it moves.

    Raises:
        RecipeError: A chosen layer is no operation of the graph, or has no kernel in int16.
    """
    chosen = dict.fromkeys(_wide(graph, recipe.int16_layers), DType.INT16)
    chosen |= dict.fromkeys(_names(graph, recipe.float_layers), DType.FLOAT32)
    types: dict[str, DType] = {}
    for operation in graph.operations:
        found = chosen.get(operation.output) or _inherited(operation, graph, types)
        types[operation.output] = found
    return types


def _names(graph: FloatGraph, layers: Sequence[str]) -> Iterator[str]:
    """Yield the outputs of chosen operations; pruning and equalizing may have renamed them."""
    outputs = [operation.output for operation in graph.operations]
    if ALL_LAYERS in layers:
        yield from outputs
        return
    for layer in layers:
        found = [name for name in outputs if layer in {name, given_name(name)}]
        if not found:
            known = ", ".join(map(given_name, outputs))
            raise RecipeError(f"recipe: no layer {layer!r}, there are {known}")
        yield found[0]


def _wide(graph: FloatGraph, layers: Sequence[str]) -> Iterator[str]:
    operations = {operation.output: operation for operation in graph.operations}
    for name in _names(graph, layers):
        if isinstance(operations[name], INT16_OPERATIONS):
            yield name
        elif ALL_LAYERS not in layers:
            kind = type(operations[name]).__name__
            raise RecipeError(f"recipe: int16_layers: {name} is a {kind}, which has no int16 form")


def _inherited(operation: Operation, graph: FloatGraph, types: Mapping[str, DType]) -> DType:
    if not isinstance(operation, MOVING_OPERATIONS):
        return DType.INT8
    read = [name for name in input_names(operation) if name not in graph.constants]
    found = {types.get(name, DType.INT8) for name in read}
    inherited = found.pop() if len(found) == 1 else DType.INT8
    is_possible = inherited is not DType.INT16 or isinstance(operation, INT16_OPERATIONS)
    return inherited if is_possible else DType.INT8
