"""What a model is for, which decides how it is measured and decoded."""

from enum import StrEnum

from quantize.ir.graph import Array, Graph
from quantize.ir.ops import Logistic, Quantize, Softmax


class Task(StrEnum):
    """The tasks of a bundle's manifest."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"
    ANOMALY = "anomaly"
    DETECTION = "detection"
    TENSOR = "tensor"  # nothing is known but arrays


def output_size(graph: Graph) -> int:
    """Return how many values the first output has for one sample."""
    size = 1
    for length in graph.tensors[graph.outputs[0]].shape[1:]:
        size *= length
    return size


def last_activation(graph: Graph) -> str:
    """Return "softmax" or "logistic" where the first output comes out of one, else "none"."""
    makers = {operation.output: operation for operation in graph.operations}
    last = makers.get(graph.outputs[0])
    while isinstance(last, Quantize):  # behind a last layer in int16 or float32
        last = makers.get(last.input)
    match last:
        case Softmax():
            return "softmax"
        case Logistic():
            return "logistic"
        case _:
            return "none"


def class_cut(graph: Graph) -> float:
    """Return where a lone score begins to mean class 1: 0.5 of a probability, 0 of a logit."""
    return 0.0 if last_activation(graph) == "none" else 0.5


def infer_task(graph: Graph, labels: Array | None, hint: str | None) -> Task:
    """Return the task that the model, its labels or the model file itself suggest.

    Whole-number labels or a last softmax over at least 2 columns mean classification; other labels
    that have as many columns as the output mean regression.
    """
    if hint is not None:
        return Task(hint)
    columns = output_size(graph)
    is_whole = labels is not None and labels.dtype.kind == "i" and labels.ndim == 1
    if columns >= 2 and (is_whole or (labels is None and last_activation(graph) == "softmax")):
        return Task.CLASSIFICATION
    if labels is not None and columns == (labels.shape[1] if labels.ndim == 2 else 1):
        return Task.REGRESSION
    return Task.TENSOR
