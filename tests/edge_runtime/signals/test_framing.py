"""Frames, windows and trends."""

import numpy as np
import pytest
import scipy.signal

from edge_runtime.signals.framing import cut_frames, detrended, frame_count, hann


def test_only_whole_frames_are_cut() -> None:
    frames = cut_frames(np.arange(10), 4, 3)

    assert frames.tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]]
    assert frame_count(10, 4, 3) == 3
    assert frame_count(12, 4, 3) == 3


def test_the_window_is_scipys() -> None:
    np.testing.assert_allclose(hann(480), scipy.signal.get_window("hann", 480), atol=1e-15)


@pytest.mark.parametrize(("ours", "scipys"), [("mean", "constant"), ("linear", "linear")])
def test_trends_are_those_of_scipy(ours: str, scipys: str) -> None:
    values = np.random.default_rng(1).normal(size=(50, 3)) + np.arange(50)[:, np.newaxis]

    found = detrended(values, ours, axis=0)  # type: ignore[arg-type]

    np.testing.assert_allclose(found, scipy.signal.detrend(values, axis=0, type=scipys), atol=1e-12)


def test_a_single_row_has_no_slope() -> None:
    assert detrended(np.array([[4.0, 5.0]]), "linear", axis=0).tolist() == [[0.0, 0.0]]
