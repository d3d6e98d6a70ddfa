"""What a model leaves to do to its scores."""

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float32]
_GREATEST = np.float32(80.0)  # exp of more overflows float32


def activated(values: FloatArray, activation: Literal["none", "logistic", "softmax"]) -> FloatArray:
    """Return scores as probabilities; softmax is over the last axis."""
    match activation:
        case "none":
            return values
        case "logistic":
            return logistic(values)
        case "softmax":
            return softmax(values)


def logistic(values: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(-x)) in float32."""
    result: FloatArray = np.float32(1) / (
        np.float32(1) + np.exp(-np.clip(values, -_GREATEST, _GREATEST))
    )
    return result


def softmax(values: FloatArray) -> FloatArray:
    """Return the softmax over the last axis in float32."""
    powers = np.exp(values - values.max(-1, keepdims=True))
    result: FloatArray = powers / powers.sum(-1, keepdims=True)
    return result
