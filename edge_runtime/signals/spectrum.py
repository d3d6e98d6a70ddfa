"""Power of each column in frequency bands."""

import itertools

import numpy as np

from edge_runtime.signals.framing import Floats, cut_frames, detrended, hann
from edge_runtime.signals.inputs import SpectrumInput


def band_power(samples: Floats, spec: SpectrumInput) -> Floats:
    """Return the power of samples (T, columns) in each band, (columns, bands).

    The one-sided density of Welch's method with Hann windows that overlap by half, summed over
    the bins with low <= frequency < high, times the width of a bin.

    Source: scipy.signal.welch(scaling="density").
    """
    density = welch_density(samples, spec)
    bins_hz = np.fft.rfftfreq(spec.segment, 1.0 / spec.sample_rate_hz)
    places = np.searchsorted(bins_hz, spec.edges_hz, side="left")
    pairs = itertools.pairwise(places)
    sums = np.stack([density[:, low:high].sum(axis=1) for low, high in pairs], axis=1)
    power = sums * (spec.sample_rate_hz / spec.segment)
    return power if spec.unit == "power" else 10.0 * np.log10(power + spec.floor)


def welch_density(samples: Floats, spec: SpectrumInput) -> Floats:
    """Return the one-sided power density of samples (T, columns), (columns, bins)."""
    window = hann(spec.segment)
    segments = detrended(cut_frames(samples, spec.segment, spec.segment // 2), spec.detrend, -1)
    power = np.abs(np.fft.rfft(segments * window, axis=-1)) ** 2
    density = power.mean(axis=0) / (spec.sample_rate_hz * (window**2).sum())
    density[:, 1:-1] *= 2.0  # negative frequencies; 0 and the highest have no twin
    return np.asarray(density)
