import numpy as np
import pytest

from quantize.ir.graph import FloatGraph
from quantize.ir.ops import (
    Activate,
    Activation,
    Add,
    Concat,
    FullyConnected,
    Logistic,
    Mul,
    Operation,
)
from quantize.passes.join_class_scores import join_class_scores
from tests.float_graphs import assert_keeps_result
from tests.models import float_graph

LAYER = FullyConnected("x", "w", "b", "z")
PROBABILITY = Logistic("z", "p")


def graph_of(*operations: Operation, negative: float = -1.0, one: float = 1.0) -> FloatGraph:
    constants = {
        "w": np.random.default_rng(1).normal(size=(1, 4)).astype(np.float32),
        "b": np.array([0.5], np.float32),
        "minus": np.array([[negative]], np.float32),
        "one": np.array([[one]], np.float32),
    }
    return float_graph(operations, {"x": (1, 4)}, constants)


def kinds(graph: FloatGraph) -> list[str]:
    return [type(operation).__name__ for operation in graph.operations]


def test_the_probabilities_of_two_classes_come_from_one_layer() -> None:
    graph = graph_of(
        LAYER,
        PROBABILITY,
        Mul("p", "minus", "m"),
        Add("one", "m", "q"),
        Concat(("q", "p"), "y", 1),
    )

    assert kinds(join_class_scores(graph)) == ["FullyConnected", "Logistic"]
    assert_keeps_result(join_class_scores, graph)


def test_the_margins_of_two_classes_come_from_one_layer() -> None:
    graph = graph_of(LAYER, Mul("minus", "z", "m"), Concat(("m", "z"), "y", 1))

    assert kinds(join_class_scores(graph)) == ["FullyConnected"]
    assert_keeps_result(join_class_scores, graph)


@pytest.mark.parametrize(("negative", "one"), [(-2.0, 1.0), (-1.0, 0.5)])
def test_other_factors_and_sums_stay(negative: float, one: float) -> None:
    operations = (
        LAYER,
        PROBABILITY,
        Mul("p", "minus", "m"),
        Add("one", "m", "q"),
        Concat(("q", "p"), "y", 1),
    )
    graph = graph_of(*operations, negative=negative, one=one)

    assert join_class_scores(graph).operations == operations


def test_scores_in_the_other_order_stay() -> None:
    operations = (LAYER, Mul("minus", "z", "m"), Concat(("z", "m"), "y", 1))

    assert join_class_scores(graph_of(*operations)).operations == operations


def test_a_score_that_something_else_reads_stays() -> None:
    operations = (
        LAYER,
        Activate("z", "other", Activation.RELU),
        Mul("minus", "z", "m"),
        Concat(("m", "z"), "y", 1),
    )

    assert join_class_scores(graph_of(*operations)).operations == operations
