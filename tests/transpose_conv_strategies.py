"""Hypothesis strategies: legal graphs of one transposed convolution."""

import numpy as np
from hypothesis import strategies as st

from quantize.ir.graph import IntGraph, Profile, QuantParams
from quantize.ir.ops import Activation, TransposeConv2D
from quantize.ir.shapes import same_padding
from tests.models import float32, int8, int_graph, weights


@st.composite
def transpose_conv_graphs(draw: st.DrawFn) -> IntGraph:
    """Draw VALID with up to a stride of bias behind what the kernel reaches, or SAME."""
    image = (1, *(draw(st.integers(1, 5)) for _ in range(2)), draw(st.integers(1, 5)))
    kernel, stride = draw(_pairs), draw(_pairs)
    sizes = [draw(st.integers(*_reach(image[1 + i], kernel[i], stride[i]))) for i in (0, 1)]
    crop = (0, 0)
    if draw(st.booleans()):
        bounds = [((image[1 + i] - 1) * stride[i] + 1, image[1 + i] * stride[i]) for i in (0, 1)]
        sizes = [draw(st.integers(*each)) for each in bounds]
        same = same_padding((sizes[0], sizes[1]), kernel, stride, (1, 1))
        crop = (same.top, same.left)
    operation = TransposeConv2D(
        "x",
        "w",
        draw(st.sampled_from(["b", None])),
        "y",
        stride,
        crop,
        (sizes[0], sizes[1]),
        draw(st.sampled_from(Activation)),
    )
    return draw(_with_weights(operation, image, (draw(st.integers(1, 5)), *kernel, image[3])))


def _reach(image: int, kernel: int, stride: int) -> tuple[int, int]:
    whole = (image - 1) * stride + kernel
    return whole, whole + stride - 1


_pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))
_zero_points = st.integers(-128, 127)


@st.composite
def _with_weights(
    draw: st.DrawFn, operation: TransposeConv2D, image: tuple[int, ...], shape: tuple[int, ...]
) -> IntGraph:
    x = QuantParams((draw(st.floats(2**-8, 1.0, width=32)),), draw(_zero_points))
    kind, values, bias_kind, bias = weights(
        shape,
        np.random.default_rng(draw(st.integers(0, 2**32 - 1))),
        input_scale=x.scale[0],
        axis=draw(st.sampled_from([0, None])),
    )
    assert kind.quant is not None
    spread = x.scale[0] * kind.quant.scale[0] * 70 * np.sqrt(values.size / shape[0])
    y = QuantParams((float32(spread * draw(st.floats(0.1, 4.0))),), draw(_zero_points))
    tensors = {"x": int8(image, x), "w": kind, "y": int8((1, *operation.size, shape[0]), y)}
    constants = {"w": values}
    if operation.bias is not None:
        tensors["b"], constants["b"] = bias_kind, bias
    return int_graph(
        [operation],
        tensors,
        constants,
        ["y"],
        draw(st.sampled_from((Profile.TFLM, Profile.LITERT))),
    )
