"""A histogram that grows with what it sees and stays small.

Bins are 2**exponent wide and begin at whole multiples of their width, and the exponent follows from
the least and the greatest value alone. So two neighbours merge exactly into one bin twice as wide,
and the same values give the same histogram in any order and in any split.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantize.errors import DataError

BINS = 2048
_RELATIVE_FINEST = -40  # a bin is never finer than the greatest magnitude times 2**this
_EXPONENT_OF_ZEROS = -40
_LEAST_EXPONENT = -126  # of which 2**-exponent is a float32


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """How often a tensor had which value.

    Attributes:
        low: The least value seen, exact.
        high: The greatest value seen, exact.
        count: How many values were seen.
        zeros: How many of them were exactly 0.
        exponent: Bins are 2**exponent wide.
        first: The first bin begins at first * 2**exponent.
        counts: (B,) int64 with B <= BINS; both end bins are not empty.
    """

    low: float
    high: float
    count: int
    zeros: int
    exponent: int
    first: int
    counts: npt.NDArray[np.int64]

    def centres(self) -> npt.NDArray[np.float64]:
        """Return the middle of each bin, (B,)."""
        middles = self.first + np.arange(len(self.counts), dtype=np.float64) + 0.5
        return middles * math.ldexp(1.0, self.exponent)


def histogram_of(values: npt.NDArray[np.float32], name: str) -> Histogram:
    """Return the histogram of one array of any shape.

    Raises:
        DataError: The array is empty, or holds NaN or Inf; `name` is in the message.
    """
    if values.size == 0:
        raise DataError(f"{name}: no values")
    low, high = float(values.min()), float(values.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise DataError(f"{name}: holds NaN or Inf")
    exponent = _exponent(low, high)
    first = _bin(low, exponent)
    counts = np.bincount(_bins(values, exponent, first))
    zeros = int(np.count_nonzero(values == 0))
    return Histogram(low, high, values.size, zeros, exponent, first, counts.astype(np.int64))


def merge(left: Histogram, right: Histogram) -> Histogram:
    """Return the histogram of what both have seen."""
    low, high = min(left.low, right.low), max(left.high, right.high)
    exponent = _exponent(low, high)
    first = _bin(low, exponent)
    counts = np.zeros(_bin(high, exponent) - first + 1, np.int64)
    for part in (left, right):
        bins = (part.first + np.arange(len(part.counts))) >> (exponent - part.exponent)
        np.add.at(counts, bins - first, part.counts)
    return Histogram(
        low, high, left.count + right.count, left.zeros + right.zeros, exponent, first, counts
    )


def _exponent(low: float, high: float) -> int:
    """Return the least exponent whose bins cover [low, high]: it only grows with the range."""
    greatest = max(abs(low), abs(high))
    if greatest == 0.0:
        return _EXPONENT_OF_ZEROS
    span = max(high - low, math.ldexp(greatest, _RELATIVE_FINEST) * BINS)
    exponent = math.frexp(span / BINS)[1] - 1
    while _bin(high, exponent) - _bin(low, exponent) >= BINS:
        exponent += 1
    return max(exponent, _EXPONENT_OF_ZEROS - 100)


def _bin(value: float, exponent: int) -> int:
    return math.floor(math.ldexp(value, -exponent))


def _bins(values: npt.NDArray[np.float32], exponent: int, first: int) -> npt.NDArray[np.int32]:
    """Return the bin of each value, counted from the first one.

    Nothing is rounded: scaling by 2**n is exact, in float32 where no value leaves its exponents,
    and the bins of values are whole numbers less than BINS apart.
    """
    fits = _LEAST_EXPONENT <= exponent <= 0  # in float32 it takes half the time
    real = np.float32 if fits else np.float64
    scaled = np.multiply(values.ravel(), math.ldexp(1.0, -exponent), dtype=real)
    np.floor(scaled, out=scaled)
    np.subtract(scaled, first, out=scaled, dtype=real)
    return scaled.astype(np.int32)
