"""Divergences of many ranges at once against the definition, one bin after the other."""

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from quantize.calibrate.entropy import divergences

LEVELS = 8
Floats: TypeAlias = npt.NDArray[np.float64]

some_counts = hnp.arrays(np.float64, st.integers(1, 40), elements=st.integers(0, 50).map(float))
parts = st.floats(0.05, 1.0)


def by_definition(counts: Floats, centres: Floats, low: float, high: float) -> float:
    inside = [i for i, centre in enumerate(centres) if low <= centre <= high]
    if not inside or high <= low:
        return 0.0
    clipped = {i: float(counts[i]) for i in inside}
    clipped[inside[0]] += counts[: inside[0]].sum()
    clipped[inside[-1]] += counts[inside[-1] + 1 :].sum()
    edges = np.linspace(low, high, LEVELS + 1)
    level = {
        i: min(int(np.searchsorted(edges, centres[i], "right")) - 1, LEVELS - 1) for i in inside
    }
    kept = sum(counts[i] for i in inside)
    total, divergence = counts.sum(), 0.0
    for i in (i for i in inside if clipped[i] > 0):
        alike = [j for j in inside if level[j] == level[i] and clipped[j] > 0]
        share = sum(counts[j] for j in alike) / len(alike)
        told = max(share, 1e-12) / max(kept, 1e-12)
        divergence += clipped[i] / total * math.log(clipped[i] / total / told)
    return divergence


@settings(max_examples=300, deadline=None)
@given(some_counts, st.integers(-60, 60), st.lists(st.tuples(parts, parts), min_size=1, max_size=6))
def test_all_ranges_at_once_are_as_one_bin_after_the_other(
    counts: Floats, first: int, shrinks: list[tuple[float, float]]
) -> None:
    counts[0] = counts[-1] = 1.0  # a histogram's ends are not empty
    centres = first + np.arange(len(counts)) + 0.5
    low, high = min(centres[0] - 0.5, 0.0), max(centres[-1] + 0.5, 0.0)
    # no edge of a level lies on a bin's centre, where rounding would decide
    lows = np.array([part * low - 1e-3 * math.pi for part, _ in shrinks])
    highs = np.array([part * high + 1e-3 * math.e for _, part in shrinks])

    found = divergences(counts, centres, (lows, highs), LEVELS)

    wanted = [by_definition(counts, centres, *ends) for ends in zip(lows, highs, strict=True)]
    assert found == pytest.approx(wanted, abs=1e-8)


def test_a_range_that_keeps_no_bin_tells_nothing() -> None:
    counts, centres = np.ones(4), np.array([10.5, 11.5, 12.5, 13.5])

    assert divergences(counts, centres, (np.zeros(2), np.array([0.0, 5.0])), LEVELS).tolist() == [
        0,
        0,
    ]


def test_levels_of_one_bin_each_tell_all() -> None:
    counts, centres = np.array([3.0, 1.0, 4.0, 1.0]), np.arange(4) + 0.5

    assert divergences(counts, centres, (np.zeros(1), np.full(1, 4.0)), 4).tolist() == [0.0]
