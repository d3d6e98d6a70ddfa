"""Ranges: which real values the 256 codes of a tensor shall span, read off its histogram.

A range always holds 0.0, so that zero has a code of its own (padding and RELU need it).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantize.calibrate.entropy import divergences
from quantize.calibrate.histogram import Histogram
from quantize.recipe import RangeMethod

LEVELS = 256
_SHRINKS = np.linspace(0.2, 1.0, 81)  # parts of an end that mse and entropy try

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Range:
    """The real values from `low` (at most 0) to `high` (at least 0)."""

    low: float
    high: float


def find_range(histogram: Histogram, method: RangeMethod) -> Range:
    """Return the range that a method reads off a histogram."""
    return _METHODS[method](histogram)


def expected_error(histogram: Histogram, ranges: Range) -> float:
    """Return the mean squared error of a value rounded to 256 levels over a range.

    Exact zeros have no error; values inside have step**2 / 12; values outside are clipped.
    """
    tails = _Tails(histogram)
    low, high = np.array([ranges.low]), np.array([ranges.high])
    return float(tails.error(low, high)[0, 0])


def _min_max(histogram: Histogram) -> Range:
    return Range(min(histogram.low, 0.0), max(histogram.high, 0.0))


def _percentile(share: float) -> Callable[[Histogram], Range]:
    """Return a method that leaves out (1 - share) of the values, half of them at each end."""

    def method(histogram: Histogram) -> Range:
        outside = (1.0 - share) / 2 * histogram.count
        below = np.cumsum(histogram.counts)
        edges = np.ldexp(
            histogram.first + np.arange(len(below) + 1, dtype=np.float64), histogram.exponent
        )
        first = int(np.searchsorted(below, outside, side="right"))
        last = int(np.searchsorted(below, histogram.count - outside, side="left"))
        low, high = max(edges[first], histogram.low), min(edges[last + 1], histogram.high)
        return Range(min(float(low), 0.0), max(float(high), 0.0))

    return method


def _mse(histogram: Histogram) -> Range:
    """Return the range of least expected error among all pairs of shrunk ends."""
    lows = _SHRINKS * min(histogram.low, 0.0)
    highs = _SHRINKS * max(histogram.high, 0.0)
    error = _Tails(histogram).error(lows, highs)[::-1, ::-1]  # of equals, the widest
    low, high = np.unravel_index(int(np.argmin(error)), error.shape)
    return Range(float(lows[::-1][low]), float(highs[::-1][high]))


def _entropy(histogram: Histogram) -> Range:
    """Return the range whose 256 levels tell the clipped distribution best."""
    full = _min_max(histogram)
    parts = _SHRINKS[::-1]  # of equals, the widest
    ends = parts * full.low, parts * full.high
    if not (counts := _without_zeros(histogram)).any():
        return full
    found = divergences(counts, histogram.centres(), ends, LEVELS)
    part = float(parts[int(np.argmin(found))])
    return Range(part * full.low, part * full.high)


def _without_zeros(histogram: Histogram) -> _Floats:
    """Return the counts without exact zeros, which every range keeps and which drown the rest."""
    counts = histogram.counts.astype(np.float64)
    if histogram.zeros:
        counts[-histogram.first] -= histogram.zeros
    return counts


_METHODS: Mapping[RangeMethod, Callable[[Histogram], Range]] = {
    RangeMethod.MIN_MAX: _min_max,
    RangeMethod.PERCENTILE_99_9: _percentile(0.999),
    RangeMethod.PERCENTILE_99_99: _percentile(0.9999),
    RangeMethod.PERCENTILE_99_999: _percentile(0.99999),
    RangeMethod.ENTROPY: _entropy,
    RangeMethod.MSE: _mse,
    RangeMethod.MEASURED: _mse,  # where measuring begins
}


class _Tails:
    """Sums over a histogram from either end, so that the error of many ranges is a few look-ups."""

    def __init__(self, histogram: Histogram) -> None:
        centres = histogram.centres()
        moments = [histogram.counts * centres**power for power in range(3)]
        self._edges = np.append(centres - 2.0 ** (histogram.exponent - 1), np.inf)
        self._below = np.array([np.concatenate([[0.0], np.cumsum(m)]) for m in moments])
        self._above = self._below[:, -1:] - self._below
        self._count, self._zeros = histogram.count, histogram.zeros

    def error(self, lows: _Floats, highs: _Floats) -> _Floats:
        """Return the mean squared error of every pair, (lows, highs)."""
        below = self._below[:, np.searchsorted(self._edges, lows)]
        above = self._above[:, np.searchsorted(self._edges, highs)]
        step = (highs[None, :] - lows[:, None]) / (LEVELS - 1)
        inside = self._count - self._zeros - below[0][:, None] - above[0][None, :]
        clipped = _squares(below, lows)[:, None] + _squares(above, highs)[None, :]
        error: _Floats = (clipped + np.maximum(inside, 0) * step**2 / 12) / self._count
        return error


def _squares(moments: _Floats, bound: _Floats) -> _Floats:
    """Return the sum of (x - bound)**2 over values whose power sums are given."""
    return np.asarray(moments[2] - 2 * bound * moments[1] + bound**2 * moments[0])
