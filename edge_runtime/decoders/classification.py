"""Scores of a classifier to its best classes."""

import numpy as np
import numpy.typing as npt

from edge_runtime.decoders.specs import (
    ClassificationDecoder,
)
from edge_runtime.errors import FrameError
from edge_runtime.records import Classification, ClassScore


def decode_classes(
    scores: npt.NDArray[np.float32], decoder: ClassificationDecoder, labels: tuple[str, ...]
) -> Classification:
    """Return the `top_k` best classes, best first, the lower index first among equals.

    Args:
        scores: Any shape of as many values as there are classes.
        decoder: Says what the model leaves to do.
        labels: By class; a class without one is named by its number.

    Raises:
        FrameError: A score is NaN.
    """
    probabilities = activate(scores.ravel(), decoder)
    if np.isnan(probabilities).any():
        raise FrameError(f"output {decoder.output!r}: NaN among the scores")
    best = np.argsort(-probabilities, kind="stable")[: decoder.top_k]
    return Classification(
        tuple(
            ClassScore(label_of(int(index), labels), int(index), float(probabilities[index]))
            for index in best
        )
    )


def activate(
    scores: npt.NDArray[np.float32], decoder: ClassificationDecoder
) -> npt.NDArray[np.float64]:
    """Return scores in [0, 1]; one logistic score becomes the two of "no" and "yes"."""
    values = scores.astype(np.float64)
    match decoder.activation:
        case "softmax":
            powers = np.exp(values - values.max())
            values = powers / powers.sum()
        case "logistic":
            values = 1.0 / (1.0 + np.exp(-np.clip(values, -700.0, 700.0)))
        case "none":
            pass
    if values.size == 1:
        return np.array([1.0 - values[0], values[0]])
    return values


def label_of(index: int, labels: tuple[str, ...]) -> str:
    """Return a class's name: its number where it has none."""
    return labels[index] if index < len(labels) else str(index)
