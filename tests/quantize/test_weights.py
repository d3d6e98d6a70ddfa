import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantize.errors import GraphError
from quantize.ir.fixed_point import INT32_MAX, quantize_factor
from quantize.ir.interpreter import execute
from quantize.lower import lower
from quantize.weights import (
    by_channel,
    check_accumulators,
    from_channels,
    replace_constants,
    worst_accumulators,
)
from tests.models import quant, random_inputs
from tests.quantize.dense import dense

PARAMS = {"x": quant(0.05, 100), "y": quant(0.1, -10)}


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 1e-30, 1e-9, 1e-3, 1.0, 1e6]),
    st.sampled_from([0.0, 1e-9, 1.0, 1e5, 1e12]),
)
def test_no_accumulator_overflows_and_every_factor_is_legal(
    seed: int, size: float, bias: float
) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.normal(0, 1, (3, 40)) * np.array([[size], [1.0], [0.0]])

    graph = lower(dense(weight, bias * rng.normal(0, 1, 3)), PARAMS)

    (operation,) = graph.operations
    assert worst_accumulators(operation, graph).max() <= INT32_MAX
    for scale in graph.tensors["w"].quant.scale:
        assert quantize_factor(0.05 * scale / 0.1).multiplier > 0


def test_a_dead_channel_gives_its_bias() -> None:
    graph = lower(dense(np.array([[1e-9, 0.0], [1.0, 1.0]]), np.array([2.5, 0.0])), PARAMS)

    codes = execute(graph, random_inputs(graph, np.random.default_rng(1), 20))["y"]

    assert set(codes[:, 0].tolist()) == {-10 + 25}


def test_the_worst_accumulator_is_never_exceeded() -> None:
    rng = np.random.default_rng(1)
    graph = lower(dense(rng.normal(size=(4, 30)), rng.normal(size=4)), PARAMS)
    (operation,) = graph.operations
    x = np.where(graph.constants["w"] > 0, 127, -128)  # a row for each channel's greatest sum

    sums = (x - 100) @ graph.constants["w"].T.astype(np.int64) + graph.constants["b"]

    assert (np.abs(sums).max(axis=0) <= worst_accumulators(operation, graph)).all()


def test_an_overflow_is_named() -> None:
    graph = lower(dense(np.ones((2, 3)), np.zeros(2)), PARAMS)
    broken = replace_constants(graph, {"b": np.array([0, INT32_MAX], np.int32)})

    with pytest.raises(GraphError, match=r"y: channel 1 can reach \d+"):
        check_accumulators(broken)


@pytest.mark.parametrize(("shape", "axis"), [((5, 3, 2, 4), 0), ((1, 3, 2, 8), 3), ((4, 7), 0)])
def test_rows_go_back_to_the_weights_shape(shape: tuple[int, ...], axis: int) -> None:
    weight = np.random.default_rng(1).normal(size=shape)

    rows = by_channel(weight, axis)

    assert rows.shape[0] == shape[axis]
    assert np.array_equal(from_channels(rows, shape, axis), weight)
