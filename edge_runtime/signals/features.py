"""A window of samples to features, whichever front end the bundle names."""

from typing import TypeAlias, assert_never

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import FrameError
from edge_runtime.signals.framing import Floats, detrended
from edge_runtime.signals.inputs import (
    LogMelInput,
    MfccInput,
    MicroLogMelInput,
    SignalInput,
    SpectrumInput,
    WindowInput,
)
from edge_runtime.signals.log_mel import log_mel, mfcc
from edge_runtime.signals.micro_log_mel import micro_log_mel
from edge_runtime.signals.spectrum import band_power

FloatArray: TypeAlias = npt.NDArray[np.float32]


def signal_tensor(samples: npt.NDArray[np.floating], spec: SignalInput) -> FloatArray:
    """Return the features of a window of finite samples, (1, ...) as the spec's class says.

    Args:
        samples: (length, columns) in the sensor's units; sound is in [-1, 1).
        spec: What the model takes.

    Raises:
        FrameError: Another shape, or features that no float32 holds.
    """
    expected = (spec.length, len(spec.columns))
    if samples.shape != expected:
        raise FrameError(f"window of shape {samples.shape}, the model takes {expected}")
    features = _features(samples, spec).astype(np.float32)
    scaled = normalise(features, spec.mean, spec.std)
    if not np.isfinite(scaled).all():
        raise FrameError("window whose features are NaN or infinite")
    return scaled[np.newaxis]


def normalise(values: FloatArray, mean: tuple[float, ...], std: tuple[float, ...]) -> FloatArray:
    """Return (values - mean) / std along the last axis, in float32."""
    if set(mean) == {0.0} and set(std) == {1.0}:
        return values
    centred = values - np.asarray(mean, np.float32)
    scaled: FloatArray = np.divide(centred, np.asarray(std, np.float32), dtype=np.float32)
    return scaled


def _features(samples: npt.NDArray[np.floating], spec: SignalInput) -> npt.NDArray[np.floating]:
    match spec:
        case WindowInput():
            return samples if spec.detrend == "none" else _detrended(samples, spec)
        case LogMelInput():
            return log_mel(samples[:, 0].astype(np.float64), spec)
        case MfccInput():
            return mfcc(samples[:, 0].astype(np.float64), spec)
        case MicroLogMelInput():
            return micro_log_mel(samples[:, 0].astype(np.float64), spec)
        case SpectrumInput():
            return band_power(samples.astype(np.float64), spec)
        case _:
            assert_never(spec)


def _detrended(samples: npt.NDArray[np.floating], spec: WindowInput) -> Floats:
    return detrended(samples.astype(np.float64), spec.detrend, axis=0)
