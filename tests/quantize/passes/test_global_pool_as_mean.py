import numpy as np

from quantize.ir.float_executor import execute_float
from quantize.ir.ops import AveragePool2D, Mean
from quantize.passes.global_pool_as_mean import global_pool_as_mean
from tests.models import float_graph


def test_a_pool_over_the_whole_image_is_a_mean_of_the_same_values() -> None:
    graph = float_graph([AveragePool2D("x", "y", (4, 3), (1, 1))], {"x": (1, 4, 3, 2)}, {})
    values = {"x": np.random.default_rng(1).normal(size=(2, 4, 3, 2)).astype(np.float32)}

    rewritten = global_pool_as_mean(graph)

    assert rewritten.operations == (Mean("x", "y", (1, 2), keep_dims=True),)
    np.testing.assert_allclose(
        execute_float(rewritten, values)["y"], execute_float(graph, values)["y"], rtol=1e-5
    )


def test_a_pool_over_a_part_stays() -> None:
    graph = float_graph([AveragePool2D("x", "y", (2, 3), (2, 1))], {"x": (1, 4, 3, 2)}, {})

    assert global_pool_as_mean(graph) == graph
