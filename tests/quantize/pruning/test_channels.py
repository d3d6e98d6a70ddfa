"""A graph with fewer channels: legal, smaller, and close where others can tell what went."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pytest

from quantize.accuracy.channel_groups import groups_of_one
from quantize.errors import RecipeError
from quantize.executors import split
from quantize.integers import quantize_graph
from quantize.ir.float_executor import execute_float, trace_float
from quantize.ir.graph import FloatGraph
from quantize.ir.ops import (
    Activation,
    Add,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    HardSwish,
    Logistic,
    Mean,
    Mul,
    Pad,
    Prelu,
    Reshape,
    TransposeConv2D,
)
from quantize.ir.shapes import same_padding
from quantize.layer_names import PRUNED
from quantize.pruning.channels import prune_channels
from quantize.pruning.coupling import prunable_groups
from quantize.recipe import Recipe
from quantize.report.costs import total_macs
from tests.models import float_graph

SAME = same_padding((6, 6), (3, 3), (1, 1), (1, 1))
SHAPES = {
    "stem": (8, 3, 3, 3), "stem_bias": (8,), "deep": (1, 3, 3, 8), "point": (8, 1, 1, 8),
    "squeeze": (8, 8), "slope": (8,), "grow": (4, 2, 2, 8), "head": (5, 400), "head_bias": (5,),
}  # fmt: skip
GROUP = ("a", "d", "p", "s", "m", "f", "g", "gr", "e", "h", "l", "z")


def net(*, with_concat: bool = False) -> FloatGraph:
    """Return a residual block with squeeze and excite, a decoder and a dense head."""
    rng = np.random.default_rng(4)
    constants = {name: rng.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}
    operations = [
        Conv2D("x", "stem", "stem_bias", "a", padding=SAME, activation=Activation.RELU),
        DepthwiseConv2D("a", "deep", None, "d", padding=SAME, activation=Activation.RELU6),
        Conv2D("d", "point", None, "p"),
        Add("a", "p", "s"),
        Mean("s", "m", (1, 2)),
        FullyConnected("m", "squeeze", None, "f"),
        Logistic("f", "g"),
        Reshape("g", "gr"),
        Mul("s", "gr", "e"),
        HardSwish("e", "h"),
        Prelu("h", "slope", "l"),
        Pad("l", "z", ((0, 0), (0, 1), (0, 0), (0, 0))),
        TransposeConv2D("z", "grow", None, "t", (1, 1), (0, 0), (8, 7)),
        Mul("t", "t", "u"),
        Pad("u", "v", ((0, 0), (0, 2), (0, 3), (0, 0))),
        FullyConnected("v", "head", "head_bias", "y"),
    ]
    operations += [Concat(("t", "t"), "c", 3)] if with_concat else []
    return float_graph(operations, {"x": (1, 6, 6, 3)}, constants, declared={"gr": (1, 1, 1, 8)})


def samples(count: int = 24) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(9).normal(size=(count, 6, 6, 3)).astype(np.float32)}


def pruned(graph: FloatGraph, share: float, kept: tuple[str, ...] = ()) -> FloatGraph:
    def run(of: FloatGraph) -> partial[Mapping[str, np.ndarray]]:
        return partial(trace_float, of)

    return prune_channels(graph, share, kept, split(samples(), 4), run)


def test_residual_sums_gates_and_depthwise_layers_hold_their_channels_together() -> None:
    (group,) = prunable_groups(net(), ("t",))

    assert set(group) == set(GROUP)


def test_what_is_concatenated_keeps_its_channels() -> None:
    whole, concatenated = (prunable_groups(net(with_concat=c), ()) for c in (False, True))

    assert [set(group) for group in whole] == [set(GROUP), {"t", "u", "v"}]
    assert [set(group) for group in concatenated] == [set(GROUP)]


def test_the_graph_really_shrinks_and_stays_legal() -> None:
    graph = net()

    smaller = pruned(graph, 0.25)

    assert (smaller.inputs, smaller.outputs) == (graph.inputs, graph.outputs)
    assert smaller.tensors[f"a{PRUNED}"].shape == (1, 6, 6, 6)
    assert smaller.tensors[f"t{PRUNED}"].shape == (1, 8, 7, 3)
    assert smaller.constants["slope"].shape == (6,)
    assert smaller.constants["head"].shape == (5, 300)
    assert total_macs(smaller) < 0.7 * total_macs(graph)
    assert execute_float(smaller, samples())["y"].shape == (24, 5)


def test_layers_named_keep_their_channels_and_all_that_is_coupled() -> None:
    graph = net()

    smaller = pruned(graph, 0.5, ("p",))

    assert smaller.tensors["a"].shape[-1] == 8
    assert smaller.tensors[f"t{PRUNED}"].shape[-1] == 2


def test_a_name_that_is_no_layer_is_refused() -> None:
    with pytest.raises(RecipeError, match="prune_keep: 'nowhere' is no layer, known are x, a, d"):
        pruned(net(), 0.5, ("nowhere",))


@pytest.mark.parametrize("padding", [SAME, None])
def test_a_channel_that_others_can_tell_costs_nothing(padding: object) -> None:
    rng = np.random.default_rng(3)
    first = rng.normal(size=(4, 1, 1, 3)).astype(np.float32)
    first[3] = 0.3 * first[0] - 0.2 * first[1]  # the weakest, a sum of two others
    constants = {"w1": first, "w2": rng.normal(size=(2, 3, 3, 4)).astype(np.float32)}
    second = Conv2D("a", "w2", None, "y", **({"padding": padding} if padding else {}))
    graph = float_graph([Conv2D("x", "w1", None, "a"), second], {"x": (1, 6, 6, 3)}, constants)

    smaller = pruned(graph, 0.25)

    exact, found = (execute_float(g, samples())["y"] for g in (graph, smaller))
    assert smaller.tensors[f"a{PRUNED}"].shape[-1] == 3
    assert np.abs(found - exact).max() < 0.02 * np.abs(exact).max()


def test_a_share_below_one_channel_changes_no_shape() -> None:
    graph = net()

    assert pruned(graph, 0.1).tensors == graph.tensors


def test_a_closed_group_closes_what_joins_it() -> None:
    groups = groups_of_one(net())
    groups.join("x", "a")
    groups.close("no such tensor")

    assert "a" not in {name for group in groups.open() for name in group}


@pytest.mark.ort
def test_the_integers_of_a_pruned_graph_answer_as_it_does() -> None:
    graph = net()

    recipe = Recipe(prune_channels=0.25, search_samples=8)
    made = quantize_graph(graph, lambda size: split(samples(), size), recipe)

    assert made.reference.tensors != graph.tensors
    assert made.graph.tensors[made.graph.outputs[0]].shape == (1, 5)
