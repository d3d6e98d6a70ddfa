"""What calibration saw of a tensor, in few bins: what the device's own counts are compared with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import BundleError
from edge_runtime.manifest import Manifest, check_file, file_of

BINS = 10  # of equal weight in the reference, as is usual for the population stability index
LEAST_SHARE = 1e-4  # an empty bin counts as this much, or one value would make the index infinite
MARGIN = 0.05  # of the calibrated range, by which a value may exceed it

Reals = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The distribution of one tensor's values in the calibration data.

    Attributes:
        edges: (B - 1,) between the bins, ascending; a value on an edge is in the bin above it.
        shares: (B,) of the values, sum 1.
        low: The least value that is not outside: a little below calibration's.
        high: The greatest one, likewise.
    """

    edges: Reals
    shares: Reals
    low: float
    high: float

    def count(self, values: npt.NDArray[Any]) -> Counts:
        """Return how many values are in each bin, (B,)."""
        bins = np.searchsorted(self.edges, values.ravel(), side="right")
        return np.bincount(bins, minlength=len(self.shares)).astype(np.int64)

    def outside(self, values: npt.NDArray[Any]) -> int:
        """Return how many values calibration never saw the like of."""
        return int(np.count_nonzero((values < self.low) | (values > self.high)))


@dataclass(frozen=True, slots=True, eq=False)
class References:
    """Of a model's input and of its outputs, in the manifest's order."""

    taken: Reference
    given: tuple[Reference, ...]


def stability_index(expected: Reals, counts: Counts) -> float:
    """Return the population stability index of counts against shares; 0: the same distribution.

    Source: Lewis, An Introduction to Credit Scoring; customary: 0.1 a little, 0.25 much.
    """
    if not counts.sum():
        return 0.0
    found = np.maximum(counts / counts.sum(), LEAST_SHARE)
    wanted = np.maximum(expected, LEAST_SHARE)
    return float(((found - wanted) * np.log(found / wanted)).sum())


def load_references(manifest: Manifest, bundle: Path) -> References | None:
    """Return what the bundle says of its calibration data, None where it has no such file.

    Raises:
        BundleError: The file is not what the manifest says, or holds no histograms.
    """
    file = file_of(manifest, "calibration")
    if file is None:
        return None
    check_file(bundle, file)
    outputs = range(len(manifest.outputs))
    try:
        with np.load(bundle / file.name, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
        taken = _reference(found, "input_0")
        return References(taken, tuple(_reference(found, f"output_{i}") for i in outputs))
    except (KeyError, ValueError, IndexError, OSError) as error:
        raise BundleError(f"{bundle / file.name}: no histograms: {error}") from error


def _reference(arrays: dict[str, npt.NDArray[Any]], key: str) -> Reference:
    counts = arrays[f"{key}_counts"].astype(np.int64)
    first, exponent = int(arrays[f"{key}_first"][0]), int(arrays[f"{key}_exponent"][0])
    low, high = (float(end) for end in arrays[f"{key}_range"])
    if counts.ndim != 1 or not counts.size or counts.min() < 0 or not counts.sum():
        raise ValueError(f"{key}_counts is empty or negative")
    return reference_of(counts, first, exponent, (low, high))


def reference_of(counts: Counts, first: int, exponent: int, ends: tuple[float, float]) -> Reference:
    """Return a fine histogram in few bins of about equal weight.

    Args:
        counts: (N,), bin i begins at (first + i) * 2**exponent.
        first: Number of the first bin.
        exponent: Of the bins' width.
        ends: The least and the greatest value, exact.
    """
    reached = np.cumsum(counts) / counts.sum()
    cuts = {int(np.searchsorted(reached, k / BINS - 1e-12)) + 1 for k in range(1, BINS)}
    inner = np.array(sorted(cut for cut in cuts if cut < len(counts)), np.int64)
    parts = np.add.reduceat(counts, np.concatenate([[0], inner])).astype(np.float64)
    margin = MARGIN * max(ends[1] - ends[0], np.ldexp(1.0, exponent))
    return Reference(
        edges=np.ldexp((first + inner).astype(np.float64), exponent),
        shares=parts / parts.sum(),
        low=ends[0] - margin,
        high=ends[1] + margin,
    )
