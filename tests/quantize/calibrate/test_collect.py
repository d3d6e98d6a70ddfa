from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pytest

from quantize.calibrate.collect import collect, collect_peaks
from quantize.errors import DataError


def double(batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {"twice": batch["x"] * np.float32(2)}


def batches(values: np.ndarray, size: int) -> Iterator[dict[str, np.ndarray]]:
    for start in range(0, len(values), size):
        yield {"x": values[start : start + size]}


VALUES = np.random.default_rng(3).normal(size=(50, 4, 3)).astype(np.float32)


def test_inputs_and_inner_tensors_are_seen() -> None:
    calibration = collect(batches(VALUES, 7), double)

    assert calibration.samples == 50
    assert calibration.histograms["x"].high == VALUES.max()
    assert calibration.histograms["twice"].count == VALUES.size


def test_the_batch_size_changes_nothing() -> None:
    one, many = (collect(batches(VALUES, size), double).histograms["x"] for size in (1, 50))

    assert one.counts.tolist() == many.counts.tolist()
    assert (one.exponent, one.first, one.zeros) == (many.exponent, many.first, many.zeros)


def test_peaks_are_per_channel() -> None:
    peaks = collect_peaks(batches(VALUES, 7), double)

    assert peaks["twice"].tolist() == (2 * np.abs(VALUES).max(axis=(0, 1))).tolist()


@pytest.mark.parametrize("gather", [collect, collect_peaks])
def test_no_samples_are_refused(gather: Callable[..., object]) -> None:
    with pytest.raises(DataError, match="no samples"):
        gather(iter(()), double)


@pytest.mark.parametrize("gather", [collect, collect_peaks])
def test_an_input_that_is_not_finite_is_named(gather: Callable[..., object]) -> None:
    values = VALUES.copy()
    values[9, 0, 0] = np.nan

    with pytest.raises(
        DataError, match="x: the first tensor to hold NaN or Inf, on calibration samples 7 to 13"
    ):
        gather(batches(values, 7), double)


@pytest.mark.parametrize("gather", [collect, collect_peaks])
def test_an_inner_tensor_that_is_not_finite_is_named(gather: Callable[..., object]) -> None:
    def overflow(batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"inner": np.full_like(batch["x"], np.inf)}

    with pytest.raises(
        DataError, match="inner: the first tensor to hold NaN or Inf, on calibration samples 0"
    ):
        gather(batches(VALUES, 7), overflow)


@pytest.mark.parametrize("gather", [collect, collect_peaks])
def test_the_layer_that_made_the_first_nan_is_named(gather: Callable[..., object]) -> None:
    def diverge(batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        broken = np.full_like(batch["x"], np.nan)
        return {"sound": batch["x"], "maker": broken, "reader": broken}

    with pytest.raises(DataError, match=r"^maker: "):
        gather(batches(VALUES, 7), diverge)


@pytest.mark.parametrize("gather", [collect, collect_peaks])
def test_values_whose_scales_leave_float32_are_refused(gather: Callable[..., object]) -> None:
    with pytest.raises(DataError, match=r"x: .* hold 1e\+37, .* up to 1e\+30"):
        gather(batches(np.full_like(VALUES, 1e37), 7), double)
