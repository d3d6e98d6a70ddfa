"""Candidates: the recipes that a search under an accuracy budget tries, the cheapest first.

int8 -> + correction -> + equalization -> k layers in int16 -> k layers in float32
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from quantize.ir.graph import FloatGraph
from quantize.ir.ops import input_names
from quantize.ir.widths import INT16_OPERATIONS
from quantize.layer_names import given_name
from quantize.params import MOVING_OPERATIONS
from quantize.recipe import Recipe, WeightRounding


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recipe and what it is called."""

    name: str
    recipe: Recipe


Tier: TypeAlias = tuple[Candidate, ...]
"""Candidates that cost the device the same."""


def int8_tier(recipe: Recipe) -> Tier:
    """Return the candidates in int8, the last as the recipe has it; equal ones only once."""
    corrected = replace(recipe, equalize_strength=0.0)
    plain = replace(corrected, weight_rounding=WeightRounding.NEAREST, bias_correction=False)
    named = {
        recipe: "int8 + correction + equalization",
        corrected: "int8 + correction",
        plain: "int8",
    }
    ordered = dict.fromkeys((plain, corrected, recipe))
    return tuple(Candidate(named[each], each) for each in ordered)


def wide_tiers(recipe: Recipe, graph: FloatGraph, ranked: Sequence[str]) -> Iterator[Tier]:
    """Yield ever more layers in int16, then, with all others in int16, ever more in float32.

    Args:
        recipe: What all of them have besides.
        graph: Float, as it is lowered.
        ranked: Its layers, the most sensitive first.
    """
    every = [operation.output for operation in graph.operations]
    all_wide = _wide_names(graph, every)
    tried: set[Recipe] = set()
    for count in _counts(len(ranked)):
        names = _wide_names(graph, _with_readers(graph, ranked[:count]))
        yield from _once(f"int16: {_said(names, all_wide)}", _typed(recipe, names, ()), tried)
    for count in _counts(len(ranked)):
        kept = _with_readers(graph, ranked[:count])
        if count == len(ranked):
            kept = every
        rest = [name for name in all_wide if name not in kept]
        yield from _once(f"float: {_said(kept, every)}", _typed(recipe, rest, kept), tried)


def _counts(total: int) -> Iterator[int]:
    """Yield 1, 2, 4, ... and the total."""
    count = 1
    while count < total:
        yield count
        count *= 2
    if total:
        yield total


def _said(chosen: Sequence[str], every: Sequence[str]) -> str:
    return f"{len(chosen)} of {len(every)} layers"


def _once(name: str, recipe: Recipe, tried: set[Recipe]) -> Iterator[Tier]:
    if recipe not in tried:
        tried.add(recipe)
        yield (Candidate(name, recipe),)


def _typed(recipe: Recipe, wide: Sequence[str], kept: Sequence[str]) -> Recipe:
    """Return the recipe with more layers in other types; its own stay as they are."""
    kept = [given_name(name) for name in kept]
    floats = tuple(dict.fromkeys((*recipe.float_layers, *kept)))
    wides = (*recipe.int16_layers, *map(given_name, wide))
    return replace(
        recipe,
        int16_layers=tuple(name for name in dict.fromkeys(wides) if name not in floats),
        float_layers=floats,
    )


def _wide_names(graph: FloatGraph, names: Sequence[str]) -> list[str]:
    """Return those that have a form in int16, in the graph's order."""
    return [
        operation.output
        for operation in graph.operations
        if operation.output in names and isinstance(operation, INT16_OPERATIONS)
    ]


def _with_readers(graph: FloatGraph, names: Sequence[str]) -> list[str]:
    """Return layers and what reads them: else their output would be rounded to int8 after all."""
    chosen, carried = set(names), set(names)
    for operation in graph.operations:
        if carried & set(input_names(operation)):
            chosen.add(operation.output)
            if isinstance(operation, MOVING_OPERATIONS):
                carried.add(operation.output)
    return [operation.output for operation in graph.operations if operation.output in chosen]
