"""The weights of least magnitude become zero: nothing shrinks but what a compressor makes of it.

Depthwise layers stay whole: they hold few of the weights, and lose the most.

Source: Han et al., "Learning both Weights and Connections" (2015), with one share for all layers;
that the other weights make up for them while rounding: Frantar and Alistarh, "SparseGPT" (2023).
"""

from dataclasses import replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.ir.graph import Array, FloatGraph
from quantize.ir.ops import Conv2D, FullyConnected, Operation, TransposeConv2D

Thinned: TypeAlias = Conv2D | TransposeConv2D | FullyConnected


def weakest(operation: Operation, weight: Array, share: float) -> npt.NDArray[np.bool_]:
    """Return which weights of an operation go, in the weight's shape: the weakest share.

    Of equals the earlier goes first, so that the count is exact.
    """
    if not isinstance(operation, Thinned):
        share = 0.0
    order = np.argsort(np.abs(weight), axis=None, kind="stable")
    chosen = np.zeros(weight.size, np.bool_)
    chosen[order[: int(share * weight.size)]] = True
    return chosen.reshape(weight.shape)


def prune_weights(graph: FloatGraph, share: float) -> FloatGraph:
    """Return the graph with the weakest share of each layer's weights as zeros."""
    if share == 0.0:
        return graph
    constants = dict(graph.constants)
    for operation in graph.operations:
        if isinstance(operation, Thinned):
            weight = graph.constants[operation.weight]
            gone = weakest(operation, weight, share)
            constants[operation.weight] = np.where(gone, np.float32(0), weight)
    return replace(graph, constants=constants)
