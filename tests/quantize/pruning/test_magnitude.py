"""The weakest weights become zero, and stay it through rounding with compensation."""

import numpy as np
import pytest

from quantize.accuracy.rounding import round_with_compensation
from quantize.errors import RecipeError
from quantize.executors import split
from quantize.integers import quantize_graph
from quantize.ir.ops import Conv2D, DepthwiseConv2D, FullyConnected
from quantize.passes.simplify import simplify
from quantize.pruning.magnitude import prune_weights, weakest
from quantize.recipe import Recipe, WeightRounding
from tests.models import tiny_float_classifier

DENSE = FullyConnected("x", "w", None, "y")
RNG = np.random.default_rng(8)


def test_the_weakest_share_is_chosen_exactly_of_equals_the_first() -> None:
    weight = np.array([[1.0, -1.0, 3.0], [1.0, -4.0, 0.5]])

    assert weakest(DENSE, weight, 0.5).tolist() == [[True, True, False], [False, False, True]]


def test_depthwise_layers_stay_whole() -> None:
    layer = DepthwiseConv2D("x", "w", None, "y")

    assert not weakest(layer, np.ones((1, 3, 3, 4)), 0.5).any()


def test_no_share_changes_nothing() -> None:
    graph = simplify(tiny_float_classifier())

    assert prune_weights(graph, 0.0) is graph


def test_the_weights_that_stay_make_up_for_those_that_go() -> None:
    mixing = RNG.normal(size=(12, 12))
    matrix, exact = mixing @ mixing.T, RNG.normal(size=(6, 12)) * 40
    zeros = weakest(DENSE, exact, 0.25)

    def error(codes: np.ndarray) -> float:
        return float(np.einsum("ok,kl,ol->", exact - codes, matrix, exact - codes))

    codes = round_with_compensation(exact, matrix, zeros)

    assert not codes[zeros].any()
    assert error(codes) < 0.5 * error(np.where(zeros, 0, np.rint(exact)))


@pytest.mark.ort
@pytest.mark.parametrize("rounding", list(WeightRounding))
def test_the_integers_hold_that_share_of_zeros(rounding: WeightRounding) -> None:
    graph = simplify(tiny_float_classifier())
    shape = graph.tensors[graph.inputs[0]].shape[1:]
    samples = {graph.inputs[0]: RNG.normal(size=(12, *shape)).astype(np.float32)}
    recipe = Recipe(prune_weights=0.4, weight_rounding=rounding, search_samples=0)

    made = quantize_graph(graph, lambda size: split(samples, size), recipe).graph

    for operation in made.operations:
        if isinstance(operation, Conv2D | FullyConnected):
            weight = made.constants[operation.weight]
            assert np.count_nonzero(weight == 0) >= int(0.4 * weight.size)


@pytest.mark.parametrize("share", [-0.1, 0.96, float("nan")])
def test_other_shares_are_refused(share: float) -> None:
    with pytest.raises(RecipeError, match=r"prune_weights: .*, allowed is 0 to 0.95"):
        Recipe(prune_weights=share)
