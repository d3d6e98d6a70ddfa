"""Band power against SciPy's Welch."""

import numpy as np
import pytest
import scipy.signal

from edge_runtime.signals.inputs import SpectrumInput
from edge_runtime.signals.spectrum import band_power, welch_density


def _spec(**changes: object) -> SpectrumInput:
    settings = {
        "columns": ("x", "y"), "length": 600, "step": 300, "sample_rate_hz": 200.0,
        "segment": 128, "edges_hz": (1.0, 10.0, 40.0, 100.0),
    }  # fmt: skip
    return SpectrumInput(**{**settings, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ours", "scipys"), [("none", False), ("mean", "constant"), ("linear", "linear")]
)
def test_the_density_is_scipys(ours: str, scipys: str | bool) -> None:
    rng = np.random.default_rng(2)
    samples = rng.normal(size=(600, 2)) + np.arange(600)[:, np.newaxis] * 0.01 + 3.0

    density = welch_density(samples, _spec(detrend=ours))

    _, expected = scipy.signal.welch(
        samples, 200.0, nperseg=128, noverlap=64, detrend=scipys, axis=0
    )
    np.testing.assert_allclose(density, expected.T, rtol=1e-9, atol=1e-15)


def test_a_tones_power_is_in_its_band() -> None:
    tone = 3.0 * np.sin(2 * np.pi * 25.0 * np.arange(600) / 200.0)

    power = band_power(np.stack([tone, tone * 0], axis=1), _spec(unit="power"))

    assert power.shape == (2, 3)
    assert power[0, 1] == pytest.approx(3.0**2 / 2, rel=0.02)
    assert power[0, [0, 2]].max() < 1e-3
    assert not power[1].any()


def test_decibels_have_a_floor() -> None:
    power = band_power(np.zeros((600, 2)), _spec(floor=1e-9))

    np.testing.assert_allclose(power, -90.0)
