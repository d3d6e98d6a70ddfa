"""What pruning saved: the model's integers beside those of the whole model."""

import zlib
from dataclasses import dataclass

import numpy as np

from quantize.ir.graph import IntGraph
from quantize.ir.ops import Conv2D, DepthwiseConv2D, FullyConnected, TransposeConv2D
from quantize.report.costs import constant_bytes, total_macs


@dataclass(frozen=True, slots=True)
class ModelSize:
    """How large one int8 model is.

    Attributes:
        macs: Multiply-accumulates of one inference.
        constant_bytes: Of weights and biases.
        tflite_bytes: Of the file.
        compressed_bytes: Of the file after zlib at level 9, as an update over the air would be.
        zero_share: Of the weights, those that are 0.
    """

    macs: int
    constant_bytes: int
    tflite_bytes: int
    compressed_bytes: int
    zero_share: float


@dataclass(frozen=True, slots=True)
class Pruning:
    """The size without pruning, and with it."""

    before: ModelSize
    after: ModelSize


def model_size(graph: IntGraph, tflite: bytes) -> ModelSize:
    """Return the size of a graph and of its file."""
    kinds = Conv2D | DepthwiseConv2D | TransposeConv2D | FullyConnected
    weights = [graph.constants[op.weight] for op in graph.operations if isinstance(op, kinds)]
    count = sum(weight.size for weight in weights)
    zeros = count - sum(int(np.count_nonzero(weight)) for weight in weights)
    return ModelSize(
        macs=total_macs(graph),
        constant_bytes=constant_bytes(graph),
        tflite_bytes=len(tflite),
        compressed_bytes=len(zlib.compress(tflite, 9)),
        zero_share=zeros / max(count, 1),
    )
