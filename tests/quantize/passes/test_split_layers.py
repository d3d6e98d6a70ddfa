from dataclasses import replace

import numpy as np
import pytest

from quantize.executors import split
from quantize.integers import quantize_graph
from quantize.ir.float_executor import execute_float
from quantize.ir.graph import FloatGraph
from quantize.ir.integer_params import quant_of
from quantize.ir.moving_ops import Slice
from quantize.ir.ops import Conv2D, FullyConnected, Logistic, Operation, Reshape
from quantize.passes.split_layers import split_layers
from quantize.recipe import Recipe
from quantize.report.costs import total_macs
from tests.models import float_graph

RNG = np.random.default_rng(5)
BOXES, SCORES = 4, 2  # of each anchor
WEIGHT = np.concatenate(
    [300 * RNG.normal(size=(BOXES, 1, 1, 3)), RNG.normal(size=(SCORES, 1, 1, 3))]
)
ROWS = {"x": RNG.normal(size=(40, 2, 2, 3)).astype(np.float32)}
PIXELS = (2, 2)


def cut(
    output: str, start: int, size: int, source: str = "all", lead: tuple[int, ...] = PIXELS
) -> Slice:
    zeros, ones = (0,) * len(lead), (1,) * len(lead)
    return Slice(source, output, (0, *zeros, start), (1, *lead, size), (1, *ones, 1))


def head(*readers: Operation, anchors: int = 1) -> FloatGraph:
    """A convolution that makes boxes and scores of some anchors, and what reads it."""
    constants = {
        "w": np.concatenate([WEIGHT] * anchors).astype(np.float32),
        "b": np.arange(6 * anchors, dtype=np.float32),
    }
    rows = (1, 4 * anchors, 6)
    return float_graph(
        [Conv2D("x", "w", "b", "all"), *readers],
        {"x": (1, *PIXELS, 3)},
        constants,
        declared={"rows": rows},
    )


def assert_same(graph: FloatGraph, apart: FloatGraph) -> None:
    before, after = execute_float(graph, ROWS), execute_float(apart, ROWS)
    assert after.keys() == before.keys()
    for name, values in before.items():
        np.testing.assert_allclose(after[name], values, rtol=1e-5, atol=1e-3)


def test_each_slice_gets_a_layer_and_says_the_same_for_as_many_products() -> None:
    graph = head(cut("box", 0, BOXES), cut("score", BOXES, SCORES))

    apart = split_layers(graph)

    assert [type(operation) for operation in apart.operations] == [Conv2D, Conv2D]
    assert total_macs(apart) == total_macs(graph)
    assert_same(graph, apart)


def test_slices_behind_a_reshape_take_their_channels_of_each_anchor() -> None:
    slices = [
        cut(n, s, k, "rows", (8,)) for n, s, k in (("box", 0, BOXES), ("score", BOXES, SCORES))
    ]
    graph = head(Reshape("all", "rows"), *slices, anchors=2)

    apart = split_layers(graph)

    assert [type(op) for op in apart.operations] == [Conv2D, Reshape, Conv2D, Reshape]
    assert total_macs(apart) == total_macs(graph)
    assert_same(graph, apart)


def test_channels_that_nobody_reads_go() -> None:
    apart = split_layers(head(cut("score", BOXES, SCORES)))

    assert apart.constants[apart.operations[0].weight].shape[0] == SCORES  # type: ignore[union-attr]
    assert_same(head(cut("score", BOXES, SCORES)), apart)


def test_a_fully_connected_layer_is_split_too() -> None:
    w = RNG.normal(size=(6, 3)).astype(np.float32)
    readers = [cut("left", 0, 5, lead=()), cut("right", 5, 1, lead=())]
    graph = float_graph([FullyConnected("x", "w", None, "all"), *readers], {"x": (1, 3)}, {"w": w})

    apart = split_layers(graph)

    rows = {"x": RNG.normal(size=(5, 3)).astype(np.float32)}
    before, after = execute_float(graph, rows), execute_float(apart, rows)
    assert [type(operation) for operation in apart.operations] == [FullyConnected] * 2
    np.testing.assert_allclose(after["left"], before["left"], rtol=1e-5)


@pytest.mark.parametrize(
    "readers",
    [
        [cut("box", 0, BOXES), Logistic("all", "score")],  # somebody reads all of it
        [cut("box", 0, BOXES), cut("score", 3, SCORES)],  # channel 3 would be computed twice
        [replace(cut("box", 0, BOXES), steps=(1, 1, 1, 1), sizes=(1, 1, 2, BOXES))],  # of pixels
        [replace(cut("box", 0, 3), steps=(1, 1, 1, 2))],  # with gaps
    ],
)
def test_what_is_not_cut_along_channels_stays(readers: list[Operation]) -> None:
    graph = head(*readers)

    assert split_layers(graph) is graph


def test_what_is_an_output_itself_stays() -> None:
    graph = head(cut("box", 0, BOXES))
    shown = replace(graph, outputs=("box", "all"))

    assert split_layers(shown) is shown


def test_scores_do_not_share_the_scale_of_boxes() -> None:
    graph = head(cut("box", 0, BOXES), cut("logit", BOXES, SCORES), Logistic("logit", "score"))

    def scale(made: FloatGraph) -> float:
        integers = quantize_graph(made, lambda size: split(ROWS, size), Recipe(search_samples=8))
        return quant_of(integers.graph, "logit").scale[0]

    assert scale(split_layers(graph)) < scale(graph) / 50
