"""Collect: one streaming pass over samples; what stays is small and grows with no sample."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantize.calibrate.histogram import Histogram, histogram_of, merge
from quantize.errors import DataError

Batch = Mapping[str, npt.NDArray[np.float32]]
Runner = Callable[[Batch], Mapping[str, npt.NDArray[np.float32]]]


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """What the samples showed.

    Attributes:
        histograms: Of every tensor that the runner returned and of every input, by name.
        samples: How many samples were seen.
    """

    histograms: Mapping[str, Histogram]
    samples: int


def collect(batches: Iterable[Batch], run: Runner) -> Calibration:
    """Return what all tensors were like when the network ran over the batches.

    Args:
        batches: By input name, each (N, ...) float32.
        run: Gives every tensor that matters for one batch, (N, ...) by name.

    Raises:
        DataError: There are no samples, or a tensor holds NaN or Inf (it is named).
    """
    histograms: dict[str, Histogram] = {}
    samples = 0
    for batch, tensors in _run_all(batches, run):
        samples += len(next(iter(batch.values())))
        for name, values in tensors.items():
            seen = histogram_of(values, name)
            histograms[name] = merge(histograms[name], seen) if name in histograms else seen
    if samples == 0:
        raise DataError("calibration data: no samples, expected at least 1")
    return Calibration(histograms, samples)


def collect_peaks(batches: Iterable[Batch], run: Runner) -> dict[str, npt.NDArray[np.float32]]:
    """Return the greatest magnitude of each channel (last axis) of every tensor, (C,) by name.

    Arguments and errors as in `collect`.
    """
    peaks: dict[str, npt.NDArray[np.float32]] = {}
    for _, tensors in _run_all(batches, run):
        for name, values in tensors.items():
            peak = np.abs(values).reshape(-1, values.shape[-1]).max(axis=0)
            peaks[name] = np.maximum(peaks[name], peak) if name in peaks else peak
    if not peaks:
        raise DataError("calibration data: no samples, expected at least 1")
    for name, peak in peaks.items():
        _refuse_not_finite(name, peak)
    return peaks


def _run_all(
    batches: Iterable[Batch], run: Runner
) -> Iterator[tuple[Batch, dict[str, npt.NDArray[np.float32]]]]:
    """Yield each batch with all its tensors, the inputs among them."""
    for batch in batches:
        for name, values in batch.items():
            _refuse_not_finite(name, values)
        yield batch, {**batch, **run(batch)}


def _refuse_not_finite(name: str, values: npt.NDArray[np.float32]) -> None:
    if not np.isfinite(values).all():
        raise DataError(f"{name}: holds NaN or Inf when it runs over the calibration data")
