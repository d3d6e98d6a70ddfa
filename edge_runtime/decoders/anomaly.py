"""How unusual an input is."""

import numpy as np
import numpy.typing as npt

from edge_runtime.decoders.specs import (
    AnomalyDecoder,
)
from edge_runtime.errors import FrameError
from edge_runtime.records import Anomaly


def decode_anomaly(
    output: npt.NDArray[np.float32],
    tensor: npt.NDArray[np.float32],
    decoder: AnomalyDecoder,
    threshold: float,
) -> Anomaly:
    """Return the score of one input and whether it is above the threshold.

    Args:
        output: The model's output: the input again ("reconstruction") or one number ("score").
        tensor: The model's input.
        decoder: Which of the two.
        threshold: In force now; a score equal to it is not anomalous.

    Raises:
        FrameError: Shapes that do not belong together, or a score that is no number.
    """
    score = _score(output.ravel(), tensor.ravel(), decoder)
    if not np.isfinite(score):
        raise FrameError(f"output {decoder.output!r}: the score is {score}")
    return Anomaly(score=score, threshold=threshold, is_anomalous=score > threshold)


def _score(
    output: npt.NDArray[np.float32], tensor: npt.NDArray[np.float32], decoder: AnomalyDecoder
) -> float:
    expected = tensor.size if decoder.method == "reconstruction" else 1
    if output.size != expected:
        raise FrameError(f"output {decoder.output!r}: {output.size} values, expected {expected}")
    if decoder.method == "score":
        return float(output[0])
    return float(np.mean(np.square(output.astype(np.float64) - tensor.astype(np.float64))))
