"""Collect: one streaming pass over samples; what stays is small and grows with no sample."""

from collections.abc import Callable, Iterable, Mapping
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
        peaks: The greatest magnitude of each index of the last axis, (C,), by name.
        samples: How many samples were seen.
    """

    histograms: Mapping[str, Histogram]
    peaks: Mapping[str, npt.NDArray[np.float32]]
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
    peaks: dict[str, npt.NDArray[np.float32]] = {}
    samples = 0
    for batch in batches:
        for name, values in batch.items():
            _refuse_not_finite(name, values)
        samples += len(next(iter(batch.values())))
        for name, values in {**batch, **run(batch)}.items():
            _observe(name, values, histograms, peaks)
    if samples == 0:
        raise DataError("calibration data: no samples, expected at least 1")
    return Calibration(histograms, peaks, samples)


def _refuse_not_finite(name: str, values: npt.NDArray[np.float32]) -> None:
    if not np.isfinite(values).all():
        raise DataError(f"{name}: calibration data holds NaN or Inf")


def _observe(
    name: str,
    values: npt.NDArray[np.float32],
    histograms: dict[str, Histogram],
    peaks: dict[str, npt.NDArray[np.float32]],
) -> None:
    seen = histogram_of(values, name)
    histograms[name] = merge(histograms[name], seen) if name in histograms else seen
    peak = np.abs(values).reshape(-1, values.shape[-1]).max(axis=0)
    peaks[name] = np.maximum(peaks[name], peak) if name in peaks else peak
