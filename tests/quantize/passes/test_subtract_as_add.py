import numpy as np

from quantize.ir.ops import Activation, Add, Sub
from quantize.passes.subtract_as_add import subtract_as_add
from tests.float_graphs import assert_keeps_result
from tests.models import float_graph

CONSTANTS = {"c": np.array([1.5, -2.0, 0.25], np.float32)}


def test_a_constant_on_the_right_is_negated() -> None:
    graph = float_graph([Sub("x", "c", "y", Activation.RELU)], {"x": (1, 2, 2, 3)}, CONSTANTS)

    changed = subtract_as_add(graph)

    (operation,) = changed.operations
    assert isinstance(operation, Add)
    assert operation.activation is Activation.RELU
    assert changed.constants[operation.right].tolist() == [-1.5, 2.0, -0.25]
    assert_keeps_result(subtract_as_add, graph)


def test_what_is_subtracted_from_a_constant_or_a_tensor_stays() -> None:
    operations = [Sub("c", "x", "left"), Sub("left", "x", "y")]
    graph = float_graph(operations, {"x": (1, 2, 2, 3)}, CONSTANTS)

    assert subtract_as_add(graph) == graph
