"""A float graph of one fully connected operation."""

import numpy as np

from quantize.ir.graph import FloatGraph
from quantize.ir.ops import FullyConnected
from tests.models import float_graph


def dense(weight: np.ndarray, bias: np.ndarray | None) -> FloatGraph:
    """Return y = x w + b, float32."""
    constants = {"w": weight.astype(np.float32)}
    if bias is not None:
        constants["b"] = bias.astype(np.float32)
    operation = FullyConnected("x", "w", None if bias is None else "b", "y")
    return float_graph([operation], {"x": (1, weight.shape[1])}, constants)
