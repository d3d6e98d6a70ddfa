"""Moments of what a weight is multiplied with: exact integer sums over calibration samples.

The sums are of integers and stay below 2**53, so float64 holds them exactly: no order of addition
and no number of threads changes a bit.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.ir.graph import Array, IntGraph
from quantize.ir.integer_params import quant_of
from quantize.ir.ops import Conv2D, DepthwiseConv2D, FullyConnected

PATCHES_PER_SAMPLE = 32  # neighbouring patches say almost the same

_Floats: TypeAlias = npt.NDArray[np.float64]
Refinable: TypeAlias = Conv2D | DepthwiseConv2D | FullyConnected


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums over the patches that an operation has multiplied its weights with.

    Codes are counted from the zero point. G is 1, or the number of input channels of a depthwise
    convolution, whose channels see patches of their own; K is the number of weights of a channel.

    Attributes:
        count: How many patches were seen.
        first: (G, K), the sums.
        second: (G, K, K), the sums of the products.
    """

    count: int
    first: _Floats
    second: _Floats

    def mean(self) -> _Floats:
        """Return the mean patch, (G, K)."""
        return self.first / self.count

    def covariance(self) -> _Floats:
        """Return the covariance of patches, (G, K, K)."""
        mean = self.mean()
        return self.second / self.count - mean[:, :, None] * mean[:, None, :]


def moments_of(operation: Refinable, graph: IntGraph, codes: Array) -> Moments:
    """Return the moments of the patches in `codes`, the operation's input (N, ...)."""
    values = codes.astype(np.float64) - quant_of(graph, operation.input).zero_point
    patches = _patches(operation, graph, values)
    second = np.matmul(patches.transpose(0, 2, 1), patches)
    return Moments(patches.shape[1], patches.sum(axis=1), second)


def add_moments(left: Moments, right: Moments) -> Moments:
    """Return the moments of what both have seen."""
    return Moments(left.count + right.count, left.first + right.first, left.second + right.second)


def _patches(operation: Refinable, graph: IntGraph, values: _Floats) -> _Floats:
    """Return (G, P, K), K in the order of the weight's axes without the output channel's."""
    if isinstance(operation, FullyConnected):
        return values.reshape(1, len(values), -1)
    windows = _windows(operation, graph, values)
    count, channels = windows.shape[0] * windows.shape[1], windows.shape[2]
    if isinstance(operation, DepthwiseConv2D):
        return np.ascontiguousarray(windows.transpose(2, 0, 1, 3, 4).reshape(channels, count, -1))
    return np.ascontiguousarray(windows.transpose(0, 1, 3, 4, 2).reshape(1, count, -1))


def _windows(operation: Conv2D | DepthwiseConv2D, graph: IntGraph, values: _Floats) -> _Floats:
    """Return (N, positions, C, KH, KW): evenly spread positions, at most PATCHES_PER_SAMPLE."""
    pad = operation.padding
    padded = np.pad(values, ((0, 0), (pad.top, pad.bottom), (pad.left, pad.right), (0, 0)))
    _, height, width, _ = graph.tensors[operation.weight].shape
    (down, right), (stride_down, stride_right) = operation.dilation, operation.stride
    reach = ((height - 1) * down + 1, (width - 1) * right + 1)
    every = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(1, 2))
    seen = every[:, ::stride_down, ::stride_right, :, ::down, ::right]
    rows, columns = seen.shape[1:3]
    chosen = np.unique(np.linspace(0, rows * columns - 1, PATCHES_PER_SAMPLE).astype(np.int64))
    picked: _Floats = seen[:, chosen // columns, chosen % columns]
    return picked
