"""Outputs that a Concat puts together are returned apart, each with a scale of its own.

Box coordinates in hundreds of pixels beside scores below 1 would share 256 codes: the scores would
be 0 or next to nothing. Apart each uses all of its codes, and the decoder gets them by name.
"""

from collections.abc import Iterator
from dataclasses import replace

from quantize.ir.graph import FloatGraph
from quantize.ir.ops import Concat, Operation
from quantize.ir.spec import check_float
from quantize.passes.drop_dead import drop_dead
from quantize.passes.editing import makers


def separate_outputs(graph: FloatGraph) -> FloatGraph:
    """Return the graph whose outputs made by Concat are its parts, in their order.

    An output stays whole where a part is a constant, an input, or returned already.
    """
    made = makers(graph)
    outputs: list[str] = []
    for name in graph.outputs:
        outputs += _parts(name, made, {*outputs, *graph.outputs} - {name})
    if tuple(outputs) == graph.outputs:
        return graph
    return drop_dead(check_float(replace(graph, outputs=tuple(outputs))))


def _parts(name: str, made: dict[str, Operation], taken: set[str]) -> list[str]:
    found = list(_leaves(name, made))
    is_separable = len(set(found)) == len(found) and all(part in made for part in found)
    return found if is_separable and not taken.intersection(found) else [name]


def _leaves(name: str, made: dict[str, Operation]) -> Iterator[str]:
    operation = made.get(name)
    if not isinstance(operation, Concat):
        yield name
        return
    for part in operation.inputs:
        yield from _leaves(part, made)
