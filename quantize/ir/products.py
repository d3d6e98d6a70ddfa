"""Sums of products of codes and weights: convolutions and fully connected layers.

They run in float64, which is exact: they stay far below 2**53.
"""

import numpy as np

from quantize.ir.codes import Codes, Values, Weighted, centre, finish, rescaled
from quantize.ir.fixed_point import Requant, requantize_wide
from quantize.ir.graph import DType, IntGraph, Profile
from quantize.ir.integer_params import quant_of, scale_of, weighted_requants
from quantize.ir.ops import Conv2D, DepthwiseConv2D, FullyConnected, Padding, TransposeConv2D
from quantize.ir.spreading import spread
from quantize.ir.widths import width


def conv_codes(operation: Conv2D, graph: IntGraph, values: Values) -> Codes:
    """Return the output's codes of a convolution."""
    weight = values[operation.weight].astype(np.float64)
    image = centre(operation.input, graph, values)
    kernel = (weight.shape[1], weight.shape[2])
    windows = windows_of(image, operation.padding, kernel, operation.stride, operation.dilation)
    sums = np.einsum("nyxihw,ohwi->nyxo", windows.astype(np.float64), weight, optimize=True)
    accumulator = sums.astype(np.int64) + _bias(operation, values)
    return _requantized(accumulator, operation, graph)


def depthwise_codes(operation: DepthwiseConv2D, graph: IntGraph, values: Values) -> Codes:
    """Return the output's codes of a depthwise convolution."""
    image = centre(operation.input, graph, values)
    _, *kernel, channels = values[operation.weight].shape
    weight = values[operation.weight].reshape(*kernel, image.shape[3], -1).astype(np.float64)
    windows = windows_of(
        image, operation.padding, (kernel[0], kernel[1]), operation.stride, operation.dilation
    )
    sums = np.einsum("nyxchw,hwcm->nyxcm", windows.astype(np.float64), weight, optimize=True)
    accumulator = sums.astype(np.int64).reshape(*sums.shape[:3], channels)
    accumulator = accumulator + _bias(operation, values)
    return _requantized(accumulator, operation, graph)


def transpose_conv_codes(operation: TransposeConv2D, graph: IntGraph, values: Values) -> Codes:
    """Return the output's codes of a transposed convolution."""
    image = centre(operation.input, graph, values).astype(np.float64)
    sums = spread(operation, image, values[operation.weight].astype(np.float64))
    accumulator = sums.astype(np.int64) + _bias(operation, values)
    return _requantized(accumulator, operation, graph)


def fully_connected_codes(operation: FullyConnected, graph: IntGraph, values: Values) -> Codes:
    """Return the output's codes of a fully connected layer."""
    rows = centre(operation.input, graph, values)
    rows = rows.reshape(len(rows), -1)
    sums = rows.astype(np.float64) @ values[operation.weight].T.astype(np.float64)
    accumulator = sums.astype(np.int64) + _bias(operation, values)
    if graph.profile is Profile.LITERT:
        return finish(_scaled_once(accumulator, operation, graph), operation, graph)
    return _requantized(accumulator, operation, graph)


def _scaled_once(accumulator: Codes, operation: FullyConnected, graph: IntGraph) -> Codes:
    """Return accumulator times the real factor in double, rounded once, half away from 0.

    Source: LiteRT's reference fully connected since 2.20 (tensorflow issue 119412).
    """
    weight = quant_of(graph, operation.weight)
    x, y = scale_of(graph, operation.input), scale_of(graph, operation.output)
    if weight.axis is None:
        factors = np.array([float(np.float32(x) * np.float32(weight.scale[0])) / y])
    else:
        factors = np.array([x * scale / y for scale in weight.scale])
    real = accumulator * factors
    rounded: Codes = (np.sign(real) * np.floor(np.abs(real) + 0.5)).astype(np.int64)
    return rounded


def _requantized(accumulator: Codes, operation: Weighted, graph: IntGraph) -> Codes:
    """Return the output's codes of a sum of products: int16 activations are scaled otherwise."""
    requants = weighted_requants(operation, graph)
    is_wide = width(operation, graph) is DType.INT16
    scaled = (
        _scaled_wide(accumulator, *requants) if is_wide else rescaled(graph, accumulator, *requants)
    )
    return finish(scaled, operation, graph)


def _scaled_wide(accumulator: Codes, *requants: Requant) -> Codes:
    multiplier = np.array([requant.multiplier for requant in requants], np.int64)
    shift = np.array([requant.shift for requant in requants], np.int64)
    return requantize_wide(accumulator, multiplier, shift)


def _bias(operation: Weighted, values: Values) -> Codes | int:
    return 0 if operation.bias is None else values[operation.bias].astype(np.int64)


def windows_of(
    image: Codes,
    padding: Padding,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
    fill: int = 0,
) -> Codes:
    """Return the windows of (N, H, W, C) as (N, OH, OW, C, KH, KW)."""
    rows, columns = (padding.top, padding.bottom), (padding.left, padding.right)
    padded = np.pad(image, ((0, 0), rows, columns, (0, 0)), constant_values=fill)
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    views = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(1, 2))
    return views[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]
