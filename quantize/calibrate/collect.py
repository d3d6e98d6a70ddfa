"""Collect: one streaming pass over samples; what stays is small and grows with no sample."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np
import numpy.typing as npt

from quantize.calibrate.histogram import Histogram, histogram_of, merge
from quantize.errors import DataError

LARGEST = 1e30  # beyond it products of scales leave float32

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


def collect(batches: Iterable[Batch], run: Runner, start: int = 0) -> Calibration:
    """Return what all tensors were like when the network ran over the batches.

    Args:
        batches: By input name, each (N, ...) float32.
        run: Gives every tensor that matters for one batch, (N, ...) by name.
        start: Number of the first sample, for messages.

    Raises:
        DataError: There are no samples, or a tensor holds NaN or Inf (it is named).
    """
    histograms: dict[str, Histogram] = {}
    samples = 0
    for batch, tensors in _run_all(batches, run):
        count = len(next(iter(batch.values())))
        for name, values in tensors.items():
            _refuse_unusable(name, _greatest(values), (start + samples, count))
            seen = histogram_of(values, name)
            histograms[name] = merge(histograms[name], seen) if name in histograms else seen
        samples += count
    if samples == 0:
        raise DataError("calibration data: no samples, expected at least 1")
    return Calibration(histograms, samples)


def collect_peaks(
    batches: Iterable[Batch], run: Runner, start: int = 0
) -> dict[str, npt.NDArray[np.float32]]:
    """Return the greatest magnitude of each channel (last axis) of every tensor, (C,) by name.

    Arguments and errors as in `collect`.
    """
    peaks: dict[str, npt.NDArray[np.float32]] = {}
    samples = 0
    for batch, tensors in _run_all(batches, run):
        count = len(next(iter(batch.values())))
        for name, values in tensors.items():
            rows = values.reshape(-1, values.shape[-1])
            peak = np.maximum(rows.max(axis=0), -rows.min(axis=0))
            _refuse_unusable(name, float(peak.max()), (start + samples, count))
            peaks[name] = np.maximum(peaks[name], peak) if name in peaks else peak
        samples += count
    if not peaks:
        raise DataError("calibration data: no samples, expected at least 1")
    return peaks


def _run_all(
    batches: Iterable[Batch], run: Runner
) -> Iterator[tuple[Batch, dict[str, npt.NDArray[np.float32]]]]:
    """Yield each batch with all its tensors: the inputs, then the layers in the order they run.

    The next batch runs while the caller looks at one.
    """
    with ThreadPoolExecutor(1) as pool:
        started = ((batch, pool.submit(run, batch)) for batch in batches)
        for now, _next in pairwise(chain(started, [None])):
            assert now is not None  # only the last one's next is
            batch, tensors = now
            yield batch, {**batch, **tensors.result()}


def _greatest(values: npt.NDArray[np.float32]) -> float:
    """Return the greatest magnitude, NaN where there is one."""
    return float(np.maximum(values.max(), -values.min()))


def _refuse_unusable(name: str, greatest: float, samples: tuple[int, int]) -> None:
    """Refuse a tensor by its greatest magnitude; all that it was made of has passed before."""
    if greatest <= LARGEST:
        return
    start, count = samples
    value = f"{greatest:.3g}" if math.isfinite(greatest) else "NaN or Inf"
    raise DataError(
        f"{name}: the first tensor to hold {value}, on calibration samples {start} to"
        f" {start + count - 1}; allowed are finite numbers up to {LARGEST:g}"
    )
