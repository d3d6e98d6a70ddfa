import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantize.calibrate.histogram import Histogram, histogram_of
from quantize.calibrate.ranges import Range, expected_error, find_range
from quantize.recipe import RangeMethod


def histogram(values: np.ndarray) -> Histogram:
    return histogram_of(values.astype(np.float32), "x")


def measured_error(values: np.ndarray, ranges: Range) -> float:
    scale = (ranges.high - ranges.low) / 255
    codes = np.clip(np.rint((values - ranges.low) / scale), 0, 255)
    return float(np.mean((codes * scale + ranges.low - values) ** 2))


@pytest.mark.parametrize("method", list(RangeMethod))
@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-5, 5), st.floats(0.01, 10))
def test_a_range_holds_zero_and_nothing_outside_of_what_was_seen(
    method: RangeMethod, seed: int, shift: float, spread: float
) -> None:
    values = np.random.default_rng(seed).normal(shift, spread, 500).astype(np.float32)

    found = find_range(histogram(values), method)

    assert min(float(values.min()), 0.0) <= found.low <= 0.0 <= found.high
    assert found.high <= max(float(values.max()), 0.0)


def test_min_max_is_exact() -> None:
    assert find_range(histogram(np.array([-1.25, 7.0])), RangeMethod.MIN_MAX) == Range(-1.25, 7.0)


def test_a_percentile_leaves_out_the_tails_of_both_ends() -> None:
    values = np.concatenate([np.linspace(-1, 1, 100_000), [-50.0, 50.0]])

    found = find_range(histogram(values), RangeMethod.PERCENTILE_99_9)

    assert found.low == pytest.approx(-1, abs=0.1)
    assert found.high == pytest.approx(1, abs=0.1)


def test_mse_clips_an_outlier_that_costs_more_than_it_brings() -> None:
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(0, 1, 100_000), [40.0]])

    found = find_range(histogram(values), RangeMethod.MSE)

    full = find_range(histogram(values), RangeMethod.MIN_MAX)
    assert found.high < 40.0
    assert measured_error(values, found) < measured_error(values, full)


def test_entropy_keeps_a_rectified_tensor_whose_half_is_zero() -> None:
    values = np.maximum(np.random.default_rng(1).normal(0, 1, 100_000), 0)

    found = find_range(histogram(values), RangeMethod.ENTROPY)

    assert found.low == 0.0
    assert found.high > 2.5


@pytest.mark.parametrize("part", [0.3, 0.6, 1.0])
def test_the_expected_error_is_what_rounding_measures(part: float) -> None:
    values = np.random.default_rng(2).normal(0, 1, 200_000)
    ranges = Range(part * values.min(), part * values.max())

    expected = expected_error(histogram(values), ranges)

    assert expected == pytest.approx(measured_error(values, ranges), rel=0.02)


@pytest.mark.parametrize("method", list(RangeMethod))
def test_a_tensor_of_zeros_has_an_empty_range(method: RangeMethod) -> None:
    assert find_range(histogram(np.zeros(10)), method) == Range(0.0, 0.0)
