"""From a window to the model's input."""

import numpy as np
import pytest

from edge_runtime.errors import FrameError
from edge_runtime.signals.features import signal_tensor
from edge_runtime.signals.inputs import SignalInput, WindowInput
from tests.edge_runtime.signals.test_inputs import LEGAL


@pytest.mark.parametrize(
    ("spec", "shape"),
    [*zip(LEGAL, [(1, 4, 2), (1, 49, 40), (1, 49, 10), (1, 49, 40), (1, 2, 2)], strict=True)],
)
def test_every_kind_has_its_shape(spec: SignalInput, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    window = rng.uniform(-1, 1, (spec.length, len(spec.columns))).astype(np.float32)

    tensor = signal_tensor(window, spec)

    assert tensor.shape == shape
    assert tensor.dtype == np.float32
    assert np.isfinite(tensor).all()


def test_features_are_scaled_last() -> None:
    spec = WindowInput(
        columns=("a",), length=3, detrend="linear", mean=(1.0,), std=(2.0,)
    )  # a straight line leaves zeros

    tensor = signal_tensor(np.array([[1.0], [2.0], [3.0]], np.float32), spec)

    np.testing.assert_allclose(tensor[0, :, 0], -0.5, atol=1e-6)


def test_a_detrended_window_keeps_what_bends() -> None:
    spec = WindowInput(columns=("a",), length=3, detrend="mean")

    tensor = signal_tensor(np.array([[1.0], [4.0], [1.0]], np.float32), spec)

    assert tensor[0, :, 0].tolist() == [-1.0, 2.0, -1.0]


def test_features_that_overflow_are_refused() -> None:
    spec = WindowInput(columns=("a",), std=(1e-30,))

    with pytest.raises(FrameError, match="NaN or infinite"), np.errstate(over="ignore"):
        signal_tensor(np.array([[1e30]], np.float32), spec)
