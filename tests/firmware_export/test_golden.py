import numpy as np

from firmware_export.golden import golden_vectors, random_inputs
from quantize.ir.interpreter import execute
from tests.firmware_export.int_graphs import dense_graph, two_headed_graph


def test_random_inputs_are_the_same_each_time() -> None:
    first, second = (random_inputs(dense_graph(), 3)["x"] for _ in range(2))

    assert first.shape == (3, 2, 5)
    assert np.array_equal(first, second)


def test_random_inputs_cover_the_codes() -> None:
    values = random_inputs(dense_graph(), 1000)["x"]

    assert (values.min(), values.max()) == (-128, 127)


def test_golden_outputs_are_the_interpreters() -> None:
    graph = two_headed_graph()
    inputs = random_inputs(graph, 4)

    golden = golden_vectors(graph, inputs)

    assert golden.count == 4
    expected = execute(graph, inputs)
    assert all(np.array_equal(golden.outputs[name], expected[name]) for name in expected)
