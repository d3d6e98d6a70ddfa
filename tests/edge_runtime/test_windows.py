"""Rows to windows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.errors import FrameError
from edge_runtime.windows import Samples, Windower, is_finite_row


def row_windows(rows: Samples, length: int, step: int) -> list[Samples]:
    windower = Windower(rows.shape[1], length, step)
    return [window for row in rows if (window := windower.push(row)) is not None]


@settings(max_examples=50)
@given(rows=st.integers(0, 40), length=st.integers(1, 12), step=st.integers(1, 15))
def test_windows_are_the_slices_of_the_recording(rows: int, length: int, step: int) -> None:
    recording = np.arange(rows * 2, dtype=np.float32).reshape(rows, 2)

    windows = row_windows(recording, length, step)

    starts = range(0, rows - length + 1, step)
    if step <= length:  # numpy's own sliding windows are the oracle
        assert len(windows) == len(starts)
    for window, start in zip(windows, starts, strict=False):
        np.testing.assert_array_equal(window, recording[start : start + length])


def test_a_step_above_the_length_leaves_rows_out() -> None:
    recording = np.arange(10, dtype=np.float32)[:, np.newaxis]

    windows = row_windows(recording, 2, 4)

    assert [window[:, 0].tolist() for window in windows] == [[0, 1], [4, 5], [8, 9]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39])
def test_a_row_that_is_no_number_is_refused_and_left_out(bad: float) -> None:
    windower = Windower(columns=1, length=2, step=1)
    windower.push(np.array([1.0]))

    with pytest.raises(FrameError, match="NaN"):
        windower.push(np.array([bad]))
    window = windower.push(np.array([2.0]))

    assert window is not None
    assert window[:, 0].tolist() == [1.0, 2.0]
    assert not is_finite_row(np.array([0.0, bad]))


def test_a_row_with_other_columns_is_refused() -> None:
    with pytest.raises(FrameError, match="expected are 3"):
        Windower(columns=3, length=1, step=1).push(np.zeros(2))


@pytest.mark.parametrize(("length", "step"), [(0, 1), (1, 0)])
def test_a_window_without_rows_is_refused(length: int, step: int) -> None:
    with pytest.raises(FrameError, match="integers from 1"):
        Windower(1, length, step)
