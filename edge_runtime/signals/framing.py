"""Windows of samples: trends taken off, and frames cut out of them."""

from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]


def cut_frames(samples: npt.NDArray[Any], length: int, step: int) -> npt.NDArray[Any]:
    """Return the whole frames of samples (T, ...), (frames, ..., length); the rest is dropped."""
    return np.lib.stride_tricks.sliding_window_view(samples, length, axis=0)[::step]


def frame_count(samples: int, length: int, step: int) -> int:
    """Return how many whole frames there are."""
    return (samples - length) // step + 1


def hann(length: int) -> Floats:
    """Return a periodic Hann window: 0.5 - 0.5 cos(2 pi n / length).

    Source: tf.signal.hann_window, scipy.signal.get_window (both periodic by default).
    """
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / length)


def detrended(values: Floats, detrend: Literal["none", "mean", "linear"], axis: int) -> Floats:
    """Return values without their mean or their least-squares line along an axis."""
    if detrend == "none":
        return values
    centred: Floats = values - values.mean(axis=axis, keepdims=True)
    if detrend == "mean":
        return centred
    moved = np.moveaxis(centred, axis, -1)
    place = np.arange(moved.shape[-1]) - (moved.shape[-1] - 1) / 2
    norm = float(place @ place)
    slope = moved @ place / norm if norm else np.zeros(moved.shape[:-1])
    return np.asarray(np.moveaxis(moved - slope[..., np.newaxis] * place, -1, axis))
