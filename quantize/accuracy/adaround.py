"""AdaRound: whether each weight is rounded up or down is learned, against the layer's output error.

The soft decisions are made hard by a penalty that sharpens. Errors are seen through the covariance
of patches, so that an iteration costs a product and no data; einsum instead of BLAS, so that no
number of threads changes a bit.

Source: Nagel et al., "Up or Down? Adaptive Rounding for Post-Training Quantization" (2020), without
the activation function inside of the error.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.accuracy.rounding import WEIGHT_MAX, damped

ITERATIONS = 400
_WARM_UP = 0.2  # part of the iterations without the penalty
_SHARPNESS = (20.0, 2.0)  # of the penalty, at its begin and at its end
_PENALTY = 0.1  # its weight beside the output error, in squared codes
_RATE, _DECAYS, _TINY = 0.05, (0.9, 0.999), 1e-8  # Adam's
_STRETCH, _SHIFT = 1.2, -0.1  # of the sigmoid, so that it reaches 0 and 1

_Floats: TypeAlias = npt.NDArray[np.float64]


def round_adaptively(
    exact: _Floats, matrix: _Floats, zeros: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.int8]:
    """Return (O, K) int8 codes whose output error is small; arguments as of compensation."""
    curvature = damped(matrix)
    curvature = curvature / float(np.diagonal(curvature).mean())
    below = np.floor(exact)
    ups = _learned(exact - below, curvature)
    codes = np.clip(below + (ups >= 0.5), -WEIGHT_MAX, WEIGHT_MAX)
    return (codes if zeros is None else np.where(zeros, 0, codes)).astype(np.int8)


def _learned(rest: _Floats, curvature: _Floats) -> _Floats:
    """Return how far up each weight is rounded, near 0 or 1, by Adam."""
    sigmoid = (np.clip(rest, 0.01, 0.99) - _SHIFT) / _STRETCH
    logits = np.log(sigmoid / (1.0 - sigmoid))
    first, second = np.zeros_like(rest), np.zeros_like(rest)
    for step in range(1, ITERATIONS + 1):
        slope = _slope(logits, rest, curvature, step / ITERATIONS)
        first = _DECAYS[0] * first + (1 - _DECAYS[0]) * slope
        second = _DECAYS[1] * second + (1 - _DECAYS[1]) * slope**2
        unbiased = first / (1 - _DECAYS[0] ** step)
        logits -= _RATE * unbiased / (np.sqrt(second / (1 - _DECAYS[1] ** step)) + _TINY)
    return _ups(logits)


def _ups(logits: _Floats) -> _Floats:
    return np.asarray(np.clip(_STRETCH / (1.0 + np.exp(-logits)) + _SHIFT, 0.0, 1.0))


def _slope(logits: _Floats, rest: _Floats, curvature: _Floats, progress: float) -> _Floats:
    """Return the slope of output error and penalty along the logits."""
    ups, sigmoid = _ups(logits), 1.0 / (1.0 + np.exp(-logits))
    slope = 2.0 * np.einsum("ok,kl->ol", ups - rest, curvature)
    if progress > _WARM_UP:
        done = (progress - _WARM_UP) / (1.0 - _WARM_UP)
        sharpness = _SHARPNESS[0] + done * (_SHARPNESS[1] - _SHARPNESS[0])
        away = 2.0 * ups - 1.0
        slope -= _PENALTY * 2.0 * sharpness * np.sign(away) * np.abs(away) ** (sharpness - 1.0)
    is_moving = (ups > 0.0) & (ups < 1.0)
    return np.asarray(slope * is_moving * _STRETCH * sigmoid * (1.0 - sigmoid))
