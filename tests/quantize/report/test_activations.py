import numpy as np
import pytest

from quantize.calibrate.histogram import histogram_of
from quantize.ir.graph import IntGraph
from quantize.report.activations import BINS, activations
from tests.models import tiny_classifier


@pytest.fixture
def graph() -> IntGraph:
    return tiny_classifier()


def test_the_histogram_is_numpy_s_but_for_values_at_the_edges(
    graph: IntGraph, rng: np.random.Generator
) -> None:
    values = rng.normal(size=20_000).astype(np.float32)
    name = graph.inputs[0]

    (found,) = activations({name: histogram_of(values, name)}, graph, {name: "mse"})

    wanted, _ = np.histogram(values, BINS)
    assert sum(found.counts) == values.size
    assert np.abs(np.array(found.counts) - wanted).sum() <= 0.05 * values.size
    assert (found.low, found.high, found.method) == (values.min(), values.max(), "mse")


def test_the_clipped_share_counts_what_no_code_says(
    graph: IntGraph, rng: np.random.Generator
) -> None:
    name = graph.inputs[0]
    quant = graph.tensors[name].quant
    assert quant is not None
    scale, zero_point = quant.scale[0], quant.zero_point
    values = rng.normal(0, 128 * scale, 50_000).astype(np.float32)

    (found,) = activations({name: histogram_of(values, name)}, graph, {})

    low, high = scale * (-128 - zero_point), scale * (127 - zero_point)
    assert (found.range_low, found.range_high) == pytest.approx((low, high))
    assert found.clipped_share == pytest.approx(np.mean((values < low) | (values > high)), abs=0.01)
    assert found.method is None
