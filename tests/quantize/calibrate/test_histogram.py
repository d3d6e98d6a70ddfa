from random import Random
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from quantize.calibrate.histogram import BINS, Histogram, histogram_of, merge
from quantize.errors import DataError

Floats: TypeAlias = npt.NDArray[np.float32]

finite = st.floats(-1e6, 1e6, width=32)
arrays = hnp.arrays(np.float32, st.integers(1, 40), elements=finite)


def facts(histogram: Histogram) -> tuple[object, ...]:
    return (
        histogram.low,
        histogram.high,
        histogram.count,
        histogram.zeros,
        histogram.exponent,
        histogram.first,
        histogram.counts.tolist(),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(arrays, min_size=1, max_size=5), st.randoms())
def test_any_split_in_any_order_gives_the_histogram_of_the_whole(
    parts: list[Floats], random: Random
) -> None:
    whole = histogram_of(np.concatenate(parts), "x")
    random.shuffle(parts)

    merged = histogram_of(parts[0], "x")
    for part in parts[1:]:
        merged = merge(merged, histogram_of(part, "x"))

    assert facts(merged) == facts(whole)


@settings(max_examples=60, deadline=None)
@given(arrays)
def test_bins_count_what_numpy_counts(values: Floats) -> None:
    histogram = histogram_of(values, "x")
    width = 2.0**histogram.exponent
    edges = (histogram.first + np.arange(len(histogram.counts) + 1)) * width

    index = np.searchsorted(edges, values.astype(np.float64), side="right") - 1
    counts = np.bincount(index, minlength=len(histogram.counts))

    assert histogram.counts.tolist() == counts.tolist()
    assert (histogram.low, histogram.high) == (values.min(), values.max())
    assert histogram.zeros == np.count_nonzero(values == 0)


@settings(max_examples=60, deadline=None)
@given(arrays)
def test_bins_are_bounded_and_the_ends_are_not_empty(values: Floats) -> None:
    counts = histogram_of(values, "x").counts

    assert len(counts) <= BINS
    assert counts[0] > 0
    assert counts[-1] > 0
    assert counts.sum() == values.size


def test_a_wide_sample_after_narrow_ones_doubles_the_bins() -> None:
    narrow = histogram_of(np.linspace(0, 1, 5000, dtype=np.float32), "x")
    wide = histogram_of(np.array([1000.0], np.float32), "x")

    merged = merge(narrow, wide)

    assert merged.exponent > narrow.exponent
    assert len(merged.counts) <= BINS
    assert merged.count == 5001


def test_constant_tensors_have_one_bin() -> None:
    assert len(histogram_of(np.zeros(9, np.float32), "x").counts) == 1
    assert len(histogram_of(np.full(9, 3.7, np.float32), "x").counts) == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_name_the_tensor(bad: float) -> None:
    with pytest.raises(DataError, match=r"conv/relu: holds NaN or Inf"):
        histogram_of(np.array([1.0, bad], np.float32), "conv/relu")


def test_no_values_name_the_tensor() -> None:
    with pytest.raises(DataError, match=r"conv/relu: no values"):
        histogram_of(np.empty((0, 3), np.float32), "conv/relu")


def test_centres_are_the_middles_of_bins() -> None:
    histogram = histogram_of(np.array([0.0, 2047.0], np.float32), "x")

    assert histogram.centres()[:2].tolist() == [0.5, 1.5]
