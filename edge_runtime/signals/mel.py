"""Mel bands: the two conventions that models are trained with."""

from functools import lru_cache
from typing import assert_never

import numpy as np

from edge_runtime.signals.framing import Floats
from edge_runtime.signals.inputs import MelBands

_SLANEY_HZ_PER_MEL = 200.0 / 3.0
_SLANEY_LOG_FROM_HZ = 1000.0
_SLANEY_LOG_STEP = np.log(6.4) / 27.0


@lru_cache(maxsize=8)
def mel_weights(bands: MelBands, sample_rate_hz: int, fft_length: int) -> Floats:
    """Return the share of each bin of a spectrum in each band, (bins, bands).

    Source: tf.signal.linear_to_mel_weight_matrix ("htk"); librosa.filters.mel with its defaults
    htk=False, norm="slaney" ("slaney").
    """
    bins_hz = np.linspace(0.0, sample_rate_hz / 2, fft_length // 2 + 1)
    if bands.scale == "htk":
        return _htk_weights(bands, bins_hz)
    if bands.scale == "slaney":
        return _slaney_weights(bands, bins_hz)
    assert_never(bands.scale)


def _htk_weights(bands: MelBands, bins_hz: Floats) -> Floats:
    limits = _hz_to_mel_htk(np.array([bands.low_hz, bands.high_hz]))
    edges = np.linspace(limits[0], limits[1], bands.count + 2)
    weights = _triangles(_hz_to_mel_htk(bins_hz), edges)
    weights[0] = 0.0  # HTK leaves the bin at 0 Hz out
    return weights


def _slaney_weights(bands: MelBands, bins_hz: Floats) -> Floats:
    limits = _hz_to_mel_slaney(np.array([bands.low_hz, bands.high_hz]))
    edges = _mel_to_hz_slaney(np.linspace(limits[0], limits[1], bands.count + 2))
    return _triangles(bins_hz, edges) * (2.0 / (edges[2:] - edges[:-2]))


def _triangles(places: Floats, edges: Floats) -> Floats:
    """Return triangles from edge i over edge i + 1 (where it is 1) to edge i + 2."""
    rising = (places[:, np.newaxis] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - places[:, np.newaxis]) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(rising, falling))


def _hz_to_mel_htk(hz: Floats) -> Floats:
    return 1127.0 * np.log1p(hz / 700.0)


def _hz_to_mel_slaney(hz: Floats) -> Floats:
    """Straight up to 1 kHz, logarithmic above."""
    knee = _SLANEY_LOG_FROM_HZ / _SLANEY_HZ_PER_MEL
    above = np.maximum(hz, _SLANEY_LOG_FROM_HZ) / _SLANEY_LOG_FROM_HZ
    return np.where(
        hz < _SLANEY_LOG_FROM_HZ, hz / _SLANEY_HZ_PER_MEL, knee + np.log(above) / _SLANEY_LOG_STEP
    )


def _mel_to_hz_slaney(mel: Floats) -> Floats:
    knee = _SLANEY_LOG_FROM_HZ / _SLANEY_HZ_PER_MEL
    above = _SLANEY_LOG_FROM_HZ * np.exp(_SLANEY_LOG_STEP * (mel - knee))
    return np.where(mel < knee, mel * _SLANEY_HZ_PER_MEL, above)
