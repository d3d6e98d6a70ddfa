"""Entropy: how well the levels of a range tell the values that are clipped to it.

The divergence of Kullback and Leibler is a sum over bins; all bins of a level have one share of it,
so that sums from the first bin on tell it for many ranges at once, by a few look-ups a level.
Source: S. Migacz, "8-bit inference with TensorRT" (2017), with both ends shrunk alike.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_NOTHING = 1e-12  # the values of a bin whose level keeps none
_EQUAL = 9  # decimals: what differs by less is a matter of rounding

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]


def divergences(
    counts: _Floats, centres: _Floats, ends: tuple[_Floats, _Floats], levels: int
) -> _Floats:
    """Return the divergence of each range, (R,): 0 where it tells all that it keeps.

    Args:
        counts: Of each bin, (B,).
        centres: Of each bin, (B,), rising.
        ends: Lower and upper ends of the ranges, (R,) each.
        levels: Of a range.
    """
    low, high = ends
    first = np.searchsorted(centres, low)
    last = np.searchsorted(centres, high, side="right") - 1
    found = np.zeros(len(low))
    some = (last >= first) & (high > low)
    clipped = _Clipped(counts, first[some], last[some])
    steps = np.linspace(low[some], high[some], levels + 1, axis=1)
    found[some] = clipped.divergence(np.searchsorted(centres, steps))
    return np.round(found, _EQUAL)


@dataclass(frozen=True, slots=True)
class _Clipped:
    """A histogram clipped to ranges: each ends in a bin that holds all beyond it as well."""

    counts: _Floats
    first: _Ints
    last: _Ints

    def divergence(self, edges: _Ints) -> _Floats:
        """Return it for each range; edges (R, L + 1) are the bins that levels begin with."""
        edges = np.clip(edges, self.first[:, None], self.last[:, None] + 1)
        edges[:, 0], edges[:, -1] = self.first, self.last + 1
        kept = np.diff(_sums(self.counts)[edges])
        bins = np.diff(_sums(self.counts > 0)[edges])
        clipped = kept.copy()
        seen = np.zeros(len(edges), bool)  # whether the first bin, if it is the last, is new
        for where, beyond in self._beyond():
            rows = np.arange(len(where)), (edges[:, 1:] <= where[:, None]).sum(axis=1)
            is_new = (self.counts[where] == 0) & (beyond > 0) & ~seen
            bins[rows] += is_new
            clipped[rows] += beyond
            seen = is_new & (self.first == self.last)
        total = self.counts.sum()
        shares = np.maximum(kept / np.maximum(bins, 1), _NOTHING)
        told = np.log(shares / np.maximum(kept.sum(axis=1, keepdims=True), _NOTHING))
        return np.asarray(self._own_information() - (clipped * told).sum(axis=1) / total)

    def _beyond(self) -> tuple[tuple[_Ints, _Floats], ...]:
        """Return the bin at each end, and how many values it takes from beyond, (R,)."""
        sums = _sums(self.counts)
        return (self.first, sums[self.first]), (self.last, sums[-1] - sums[self.last + 1])

    def _own_information(self) -> _Floats:
        """Return the sum of p log p over the bins of each range, clipped."""
        (first, below), (last, above) = self._beyond()
        total, sums = self.counts.sum(), _sums(_log_power(self.counts))
        ends = _log_power(self.counts[first] + below) + _log_power(self.counts[last] + above)
        inner = sums[last] - sums[np.minimum(first + 1, last)]
        whole = np.where(first == last, _log_power(total), inner + ends)
        return np.asarray(whole / total - np.log(total))


def _sums(values: npt.NDArray[np.generic]) -> _Floats:
    """Return the sums of the first 0, 1, ... values."""
    return np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])


def _log_power(values: _Floats) -> _Floats:
    """Return x log x, 0 for 0."""
    return np.asarray(values * np.log(np.maximum(values, 1.0)))
