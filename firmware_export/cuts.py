"""Cuts: which bands (bands.py) make a model small enough, and what they cost in products."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from firmware_export.bands import Bands, in_bands, legal_depths
from firmware_export.errors import BandsError
from firmware_export.layers import multiply_accumulates
from firmware_export.program import arena_demand
from firmware_export.target import Target
from quantize.ir.graph import IntGraph, Profile
from quantize.ir.spec import check_integer

COUNTS = (2, 3, 4, 6, 8, 12, 16, 24)
_PATCHES = re.compile(r"(\d{1,4})(?:/(\d{1,4}))?")
STACK_ALLOWANCE_BYTES = 512  # none of ours takes more, and it is measured only afterwards
MODEST_GROWTH = 0.10  # of the products, for less memory that nobody has asked for
LARGEST_GROWTH = 1.0


@dataclass(frozen=True, slots=True)
class Cut:
    """A way to compute the head of a graph.

    Attributes:
        bands: None for the graph as it is.
        arena_bytes: That it takes.
        macs: Products of weights and activations, those computed twice counted twice.
    """

    bands: Bands | None
    arena_bytes: int
    macs: int


@dataclass(frozen=True, slots=True)
class InBands:
    """The wish for so many bands, over so many operations.

    Attributes:
        depth: None for as many as take the least memory.
    """

    count: int
    depth: int | None = None


@dataclass(frozen=True, slots=True)
class WithinRam:
    """The wish for the fewest products with which arena and stack fit."""

    ram_bytes: int


@dataclass(frozen=True, slots=True)
class Modestly:
    """The wish for the least memory that costs at most MODEST_GROWTH more products."""


Wish: TypeAlias = InBands | WithinRam | Modestly


def parse_patches(text: str) -> Wish:
    """Return the wish that a text says: auto, 4, or 4/6 for 4 bands of the first 6 operations.

    Raises:
        BandsError: It says something else.
    """
    if text == "auto":
        return Modestly()
    match = _PATCHES.fullmatch(text)
    if match is None:
        raise BandsError(f"patches {text!r}: expected auto, a number of bands, or BANDS/OPERATIONS")
    return InBands(int(match[1]), int(match[2]) if match[2] else None)


def chosen_bands(graph: IntGraph, target: Target, wish: Wish) -> Bands | None:
    """Return the bands that a wish comes to; None where the graph as it is will do.

    Raises:
        BandsError: Nothing fulfils it; says what comes closest.
        UnsupportedForCError: Names everything that the C cannot say.
    """
    match wish:
        case InBands(count=count, depth=depth):
            return _in_count(graph, target, count) if depth is None else Bands(depth, count)
        case WithinRam(ram_bytes=ram_bytes):
            return _within(best_cuts(graph, target), ram_bytes)
        case Modestly():
            cuts = best_cuts(graph, target)
            most = (1 + MODEST_GROWTH) * cuts[0].macs
            return [cut for cut in cuts if cut.macs <= most][-1].bands
        case _:
            assert_never(wish)


def best_cuts(graph: IntGraph, target: Target) -> list[Cut]:
    """Return the graph as it is, then each cut that takes less memory than all with fewer products.

    Raises:
        UnsupportedForCError: Names everything that the C cannot say.
    """
    whole = check_integer(graph, Profile.TFLM)
    best = [Cut(None, arena_demand(whole, target).plan().size_bytes, _macs(whole))]
    for macs, bands in _candidates(whole, COUNTS):
        if macs <= (1 + LARGEST_GROWTH) * best[0].macs:
            best += _smaller(whole, target, bands, best[-1].arena_bytes)
    return best


def _in_count(graph: IntGraph, target: Target, count: int) -> Bands:
    whole = check_integer(graph, Profile.TFLM)
    chosen, least = None, sys.maxsize
    for _, bands in _candidates(whole, (count,)):
        for cut in _smaller(whole, target, bands, least):
            chosen, least = bands, cut.arena_bytes
    if chosen is None:
        raise BandsError(f"{count} bands: there are no first layers with {count} rows or more")
    return chosen


def _smaller(graph: IntGraph, target: Target, bands: Bands, than_bytes: int) -> list[Cut]:
    """Return the cut if it takes less memory; no plan is made where none can be small enough."""
    cut = in_bands(graph, bands)
    demand = arena_demand(cut, target)
    if demand.bound_bytes() >= than_bytes:
        return []
    arena_bytes = demand.plan().size_bytes
    return [Cut(bands, arena_bytes, _macs(cut))] if arena_bytes < than_bytes else []


def _within(cuts: Sequence[Cut], ram_bytes: int) -> Bands | None:
    for cut in cuts:
        if cut.arena_bytes + STACK_ALLOWANCE_BYTES <= ram_bytes:
            return cut.bands
    least = cuts[-1].arena_bytes + STACK_ALLOWANCE_BYTES
    raise BandsError(f"RAM of {ram_bytes:,} bytes: {least:,} is the least that bands come to")


def _candidates(graph: IntGraph, counts: Sequence[int]) -> list[tuple[int, Bands]]:
    """Return all bands with the products that they take, fewest first."""
    possible = (
        Bands(depth, count)
        for depth in legal_depths(graph)
        for count in counts
        if count <= graph.tensors[graph.operations[depth - 1].output].shape[1]
    )
    priced = ((_macs(in_bands(graph, bands)), bands) for bands in possible)
    return sorted(priced, key=lambda item: (item[0], item[1].depth, item[1].count))


def _macs(graph: IntGraph) -> int:
    return sum(multiply_accumulates(operation, graph) for operation in graph.operations)
