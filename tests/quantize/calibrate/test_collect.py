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

    with pytest.raises(DataError, match="x: holds NaN or Inf"):
        gather(batches(values, 7), double)


@pytest.mark.parametrize("gather", [collect, collect_peaks])
def test_an_inner_tensor_that_is_not_finite_is_named(gather: Callable[..., object]) -> None:
    def overflow(batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"inner": np.full_like(batch["x"], np.inf)}

    with pytest.raises(DataError, match="inner: holds NaN or Inf"):
        gather(batches(VALUES, 7), overflow)
