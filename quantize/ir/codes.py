"""Steps that the definitions of many operations share: from codes to sums, and back to codes."""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.ir.fixed_point import Requant, requantize, requantize_once
from quantize.ir.graph import Array, IntGraph, Profile
from quantize.ir.integer_params import code_bounds, quant_of
from quantize.ir.ops import Add, Conv2D, DepthwiseConv2D, FullyConnected, Mul, Sub, TransposeConv2D
from quantize.ir.row_functions import Rescaling

Values: TypeAlias = Mapping[str, Array]
Codes: TypeAlias = npt.NDArray[np.int64]
Weighted: TypeAlias = Conv2D | DepthwiseConv2D | TransposeConv2D | FullyConnected


def centre(name: str, graph: IntGraph, values: Values) -> Codes:
    """Return quantized - zero_point."""
    return values[name].astype(np.int64) - quant_of(graph, name).zero_point


def rescaled(graph: IntGraph, accumulator: Codes, *requants: Requant) -> Codes:
    """Return accumulators times real factors, one or one a channel, in the graph's rounding."""
    multiplier = np.array([requant.multiplier for requant in requants], np.int64)
    shift = np.array([requant.shift for requant in requants], np.int64)
    return rescaling(graph)(accumulator, multiplier, shift)


def rescaling(graph: IntGraph) -> Rescaling:
    """Return how a graph's profile rounds a product with a factor."""
    return requantize_once if graph.profile is Profile.SINGLE else requantize


def finish(
    scaled: Codes,
    operation: Weighted | Add | Sub | Mul,
    graph: IntGraph,
) -> Codes:
    """Return `scaled` moved to the output's zero point and clamped by the fused activation."""
    output = graph.tensors[operation.output]
    quant = quant_of(graph, operation.output)
    bounds = code_bounds(operation.activation, quant, output.dtype)
    return np.clip(scaled + quant.zero_point, *bounds)
