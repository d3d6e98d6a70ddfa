"""Weighted operations: the arrays behind a convolution or fully connected kernel.

The input zero point is folded into the bias here, once, so that no kernel subtracts it per product.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_export.errors import FirmwareExportError
from quantize.ir.fixed_point import reduced
from quantize.ir.graph import DType, IntGraph
from quantize.ir.integer_params import quant_of, weighted_requants
from quantize.ir.ops import Conv2D, DepthwiseConv2D, FullyConnected, TransposeConv2D
from quantize.ir.widths import width

LARGEST_CODE = 128  # of an int8, without its sign
INT32_LIMIT = 2**31
LARGEST_WIDE_CODE = 2**15
WIDE_LIMIT = 2**47  # what edge_requantize_wide takes

Weighted = Conv2D | DepthwiseConv2D | TransposeConv2D | FullyConnected


@dataclass(frozen=True, slots=True, eq=False)
class WeightedArrays:
    """What the kernel reads, one value an output channel but for `weight`.

    Attributes:
        weight: (O, KH, KW, I), depthwise (KH, KW, C), fully connected (O, I); int8.
        bias: (O,) int32, the input zero point folded in but for a transposed convolution, of
            whose outputs each sees other weights.
        multiplier: (O,) int32, or (1,) for a fully connected weight with one scale. In 16 bits
            where activations are int16.
        shift: As `multiplier`, int8.
    """

    weight: npt.NDArray[np.int8]
    bias: npt.NDArray[np.int32]
    multiplier: npt.NDArray[np.int32]
    shift: npt.NDArray[np.int8]


def weighted_arrays(operation: Weighted, graph: IntGraph) -> WeightedArrays:
    """Return the arrays of one operation.

    Raises:
        FirmwareExportError: An accumulator could leave int32.
    """
    weight = graph.constants[operation.weight]
    if isinstance(operation, DepthwiseConv2D):
        weight = weight[0]
    is_transposed = isinstance(operation, TransposeConv2D)
    bias = _plain_bias(operation, graph) if is_transposed else folded_bias(operation, graph)
    requants = weighted_requants(operation, graph)
    is_wide = width(operation, graph) is DType.INT16
    if not isinstance(operation, FullyConnected) and len(requants) == 1:
        requants *= len(bias)  # convolution kernels take one per channel
    multipliers = np.array([requant.multiplier for requant in requants], np.int64)
    return WeightedArrays(
        weight,
        bias,
        (reduced(multipliers) if is_wide else multipliers).astype(np.int32),
        np.array([requant.shift for requant in requants], np.int8),
    )


def folded_bias(operation: Weighted, graph: IntGraph) -> npt.NDArray[np.int32]:
    """Return bias[c] - input_zero_point * (sum of the weights of c), (O,) int32.

    Raises:
        FirmwareExportError: An accumulator could leave int32.
    """
    weight = graph.constants[operation.weight].astype(np.int64)
    is_last = isinstance(operation, DepthwiseConv2D)
    rows = weight.reshape(-1, weight.shape[3]).T if is_last else weight.reshape(len(weight), -1)
    zero_point = quant_of(graph, operation.input).zero_point
    model = 0 if operation.bias is None else graph.constants[operation.bias].astype(np.int64)
    bias = model - zero_point * rows.sum(1)
    is_wide = width(operation, graph) is DType.INT16
    code, limit = (LARGEST_WIDE_CODE, WIDE_LIMIT) if is_wide else (LARGEST_CODE, INT32_LIMIT)
    if (abs(bias) + code * abs(rows).sum(1)).max() >= limit:
        kind = "47 bits" if is_wide else "int32"
        raise FirmwareExportError(f"an accumulator could leave {kind}: weights or bias too large")
    folded: npt.NDArray[np.int32] = bias.astype(np.int32)
    return folded


def _plain_bias(operation: Weighted, graph: IntGraph) -> npt.NDArray[np.int32]:
    """Return the model's bias, or zeros, having proven that no accumulator leaves int32."""
    weight = graph.constants[operation.weight].astype(np.int64)
    model = np.zeros(len(weight), np.int32)
    bias = model if operation.bias is None else graph.constants[operation.bias]
    reach = LARGEST_CODE + abs(quant_of(graph, operation.input).zero_point)
    sums = abs(weight).reshape(len(weight), -1).sum(1) * reach
    if (abs(bias.astype(np.int64)) + sums).max() >= INT32_LIMIT:
        raise FirmwareExportError("an accumulator could leave int32: weights or bias too large")
    return bias
