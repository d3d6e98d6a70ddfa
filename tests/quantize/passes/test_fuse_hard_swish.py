import numpy as np
import pytest
from hypothesis import given, settings

from quantize.ir.graph import FloatGraph
from quantize.ir.ops import Activate, Activation, Add, HardSwish, Mul, Operation
from quantize.passes.fuse_hard_swish import fuse_hard_swish
from tests.float_graphs import assert_keeps_result, float_graphs
from tests.models import float_graph

GATE = [Add("x", "three", "raised"), Activate("raised", "gate", Activation.RELU6)]
CLAMPED = [Add("three", "x", "gate", Activation.RELU6)]
PRODUCTS: list[list[Operation]] = [
    [*GATE, Mul("gate", "sixth", "share"), Mul("x", "share", "y")],
    [*GATE, Mul("gate", "x", "six"), Mul("sixth", "six", "y")],
    [*CLAMPED, Mul("sixth", "x", "less"), Mul("less", "gate", "y")],
]


def built(
    operations: list[Operation], three: float = 3.0, shape: tuple[int, ...] = ()
) -> FloatGraph:
    numbers = {"three": three, "sixth": 1 / 6}
    constants = {name: np.full(shape, value, np.float32) for name, value in numbers.items()}
    return float_graph(operations, {"x": (1, 4, 5, 2)}, constants)


@pytest.mark.parametrize("operations", PRODUCTS)
def test_every_grouping_is_one_operation(operations: list[Operation]) -> None:
    graph = built(operations)

    assert fuse_hard_swish(graph).operations == (HardSwish("x", "y"),)
    assert_keeps_result(fuse_hard_swish, graph)


def test_another_offset_is_none() -> None:
    graph = built(PRODUCTS[0], three=2.0)

    assert fuse_hard_swish(graph) == graph


def test_the_gate_of_another_tensor_is_a_gate() -> None:
    operations = [Add("x", "x", "z"), *GATE, Mul("gate", "sixth", "share"), Mul("z", "share", "y")]
    graph = built(operations)

    assert fuse_hard_swish(graph) == graph


def test_a_product_that_a_constant_makes_larger_stays() -> None:
    graph = built(PRODUCTS[0], shape=(1, 1, 1, 1, 1))

    assert fuse_hard_swish(graph) == graph


@settings(max_examples=20, deadline=None)
@given(float_graphs())
def test_the_result_stays(graph: FloatGraph) -> None:
    assert_keeps_result(fuse_hard_swish, graph)
