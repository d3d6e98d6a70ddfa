import numpy as np
import pytest

from quantize.executors import split
from quantize.integers import quantize_graph
from quantize.ir.float_executor import execute_float
from quantize.ir.graph import FloatGraph
from quantize.ir.integer_params import quant_of
from quantize.ir.ops import Concat, FullyConnected, Logistic
from quantize.passes.separate_outputs import separate_outputs
from quantize.recipe import Recipe
from tests.models import float_graph

RNG = np.random.default_rng(2)
WEIGHTS = {"boxes": 300 * RNG.normal(size=(4, 3)), "classes": RNG.normal(size=(2, 3))}


def head(*parts: str) -> FloatGraph:
    operations = [
        FullyConnected("x", "boxes", None, "box"),
        FullyConnected("x", "classes", None, "logit"),
        Logistic("logit", "score"),
        Concat(("box", "score"), "inner", 1),
        Concat(parts, "y", 1),
    ]
    constants = {name: values.astype(np.float32) for name, values in WEIGHTS.items()}
    constants["anchor"] = np.ones((1, 2), np.float32)
    return float_graph(operations, {"x": (1, 3)}, constants)


def test_boxes_and_scores_are_returned_apart() -> None:
    graph = head("inner", "logit")
    rows = {"x": RNG.normal(size=(5, 3)).astype(np.float32)}

    apart = separate_outputs(graph)

    assert apart.outputs == ("box", "score", "logit")
    found = execute_float(apart, rows)
    assert np.array_equal(np.hstack(list(found.values())), execute_float(graph, rows)["y"])


@pytest.mark.parametrize("parts", [("inner", "box"), ("inner", "anchor"), ("inner", "x")])
def test_what_cannot_be_named_apart_stays_together(parts: tuple[str, ...]) -> None:
    graph = head(*parts)

    assert separate_outputs(graph) is graph


@pytest.mark.ort
def test_each_part_has_a_scale_of_its_own() -> None:
    rows = {"x": RNG.normal(size=(40, 3)).astype(np.float32)}
    graph = separate_outputs(head("inner", "logit"))

    made = quantize_graph(graph, lambda size: split(rows, size), Recipe(search_samples=8)).graph

    assert quant_of(made, "score").scale[0] == 1 / 256
    assert quant_of(made, "box").scale[0] > 1
