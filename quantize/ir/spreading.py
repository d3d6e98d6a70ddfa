"""Spreading: what a transposed convolution sums up, and which of its croppings TFLite can say."""

from typing import Any

import numpy as np
import numpy.typing as npt

from quantize.ir.ops import TransposeConv2D
from quantize.ir.shapes import Shape, same_padding

_Floats = npt.NDArray[np.floating[Any]]


def spread(operation: TransposeConv2D, image: _Floats, weight: _Floats) -> _Floats:
    """Return (N, *size, O) sums of products of (N, H, W, I) and (O, KH, KW, I), without bias.

    Source: TFLite `reference_ops::TransposeConv` (reference/transpose_conv.h).
    """
    batch, height, width, _ = image.shape
    out, rows, columns, _ = weight.shape
    (down, right), (top, left) = operation.stride, operation.crop
    whole = (
        max((height - 1) * down + rows, top + operation.size[0]),
        max((width - 1) * right + columns, left + operation.size[1]),
    )
    sums = np.zeros((batch, *whole, out), image.dtype)
    for row in range(rows):
        for column in range(columns):
            below, beside = row + height * down, column + width * right
            products = image @ weight[:, row, column].T
            sums[:, row:below:down, column:beside:right][:, :height, :width] += products
    bottom, end = top + operation.size[0], left + operation.size[1]
    return sums[:, top:bottom, left:end]


def is_valid(operation: TransposeConv2D, image: Shape, weight: Shape) -> bool:
    """Tell whether nothing is cut off: TFLite's VALID.

    Source: of this and the next, LiteRT's `Prepare` (tflite/kernels/transpose_conv.cc), which
    computes the input's size from the output's.
    """
    whole = [(image[i + 1] - 1) * operation.stride[i] + weight[i + 1] for i in (0, 1)]
    return operation.crop == (0, 0) and all(operation.size[i] >= whole[i] for i in (0, 1))


def is_same(operation: TransposeConv2D, image: Shape, weight: Shape) -> bool:
    """Tell whether the output is `stride` times the input and cut as TFLite's SAME does."""
    same = same_padding(operation.size, (weight[1], weight[2]), operation.stride, (1, 1))
    inputs = [-(-operation.size[i] // operation.stride[i]) for i in (0, 1)]
    return operation.crop == (same.top, same.left) and inputs == list(image[1:3])
