from itertools import pairwise

import pytest

from firmware_export.bands import Bands
from firmware_export.cuts import (
    STACK_ALLOWANCE_BYTES,
    Cut,
    InBands,
    Modestly,
    WithinRam,
    best_cuts,
    chosen_bands,
    parse_patches,
)
from firmware_export.errors import BandsError
from firmware_export.program import Memory, plan_program
from firmware_export.target import TARGETS
from quantize.ir.graph import IntGraph
from quantize.ir.ops import Conv2D
from quantize.ir.shapes import same_padding
from tests.firmware_export.int_graphs import Builder, Y, dense_graph

HOST = TARGETS["host"]


@pytest.fixture(scope="module")
def waist() -> IntGraph:
    """An image of 18 rows that grows to 16 channels and shrinks again."""
    b = Builder()
    b.weight("w1", (16, 3, 3, 1), 0)
    b.weight("w2", (2, 3, 3, 16), 0)
    same = same_padding((18, 8), (3, 3), (1, 1), (1, 1))
    wide = b.add(Conv2D(b.input("x", (1, 18, 8, 1)), "w1", None, "wide", padding=same), Y)
    return b.build(b.add(Conv2D(wide, "w2", None, "narrow", padding=same), Y))


@pytest.fixture(scope="module")
def cuts(waist: IntGraph) -> list[Cut]:
    return best_cuts(waist, HOST)


def arena_bytes(graph: IntGraph, bands: Bands | None) -> int:
    return plan_program(graph, HOST, memory=Memory(bands)).arena.size_bytes


@pytest.mark.parametrize(
    ("text", "wish"),
    [("auto", Modestly()), ("4", InBands(4)), ("4/6", InBands(4, 6))],
)
def test_a_text_says_a_wish(text: str, wish: object) -> None:
    assert parse_patches(text) == wish


@pytest.mark.parametrize("text", ["", "all", "4/", "-2", "4/6/8"])
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(BandsError, match="expected auto, a number of bands, or BANDS/OPERATIONS"):
        parse_patches(text)


def test_each_cut_takes_less_memory_and_more_products_than_the_one_before(
    waist: IntGraph, cuts: list[Cut]
) -> None:
    assert cuts[0].bands is None
    assert cuts[0].macs == 18 * 8 * 9 * (16 + 2 * 16)
    for one, other in pairwise(cuts):
        assert (other.macs > one.macs, other.arena_bytes < one.arena_bytes) == (True, True)
        assert arena_bytes(waist, other.bands) == other.arena_bytes


def test_memory_is_bought_with_as_few_products_as_will_do(waist: IntGraph, cuts: list[Cut]) -> None:
    enough = cuts[2].arena_bytes + STACK_ALLOWANCE_BYTES

    assert chosen_bands(waist, HOST, WithinRam(enough)) == cuts[2].bands
    assert chosen_bands(waist, HOST, WithinRam(1 << 20)) is None
    with pytest.raises(BandsError, match=f"{cuts[-1].arena_bytes + STACK_ALLOWANCE_BYTES:,} is"):
        chosen_bands(waist, HOST, WithinRam(600))


def test_auto_stops_at_a_tenth_more_products(waist: IntGraph, cuts: list[Cut]) -> None:
    bands, most = chosen_bands(waist, HOST, Modestly()), 1.1 * cuts[0].macs

    (chosen,) = (cut for cut in cuts if cut.bands == bands)
    assert bands is not None
    assert chosen.macs <= most
    assert not [cut for cut in cuts if chosen.macs < cut.macs <= most]


def test_so_many_bands_go_over_as_many_operations_as_takes_the_least(waist: IntGraph) -> None:
    bands = chosen_bands(waist, HOST, InBands(4))

    assert bands == Bands(2, 4)
    assert arena_bytes(waist, bands) < arena_bytes(waist, Bands(1, 4))


def test_a_wish_for_certain_operations_is_taken_as_it_is(waist: IntGraph) -> None:
    assert chosen_bands(waist, HOST, InBands(4, 1)) == Bands(1, 4)


def test_a_graph_that_cannot_be_cut_says_so() -> None:
    with pytest.raises(BandsError, match="no first layers with 4 rows or more"):
        chosen_bands(dense_graph(), HOST, InBands(4))
