"""Convolutions: any groups, any padding, one or two axes."""

import numpy as np

from quantize.ir.graph import Array
from quantize.ir.ops import Conv2D, DepthwiseConv2D
from quantize.load.onnx_builder import GraphBuilder
from quantize.load.onnx_layout import View
from quantize.load.onnx_node import Node, UnsupportedNodeError
from quantize.load.onnx_windows import read_image, read_window, view_image


def load_conv(node: Node, builder: GraphBuilder) -> View:
    """Read Conv; groups that are neither 1 nor depthwise become a dense, block-diagonal weight."""
    image = read_image(node, builder)
    weight, groups = node.constant(1), node.integer("group", 1)
    _check_weight(weight, groups, image.channels, is_signal=image.is_signal)
    window = read_window(node, image, weight.shape[2:])
    oihw = weight[:, :, None, :] if image.is_signal else weight
    bias = node.optional_constant(2)
    names = (
        builder.add_constant(f"{node.output}/weight", _arrange_weight(oihw, groups)),
        None if bias is None else builder.add_constant(f"{node.output}/bias", bias),
    )
    is_depthwise = groups > 1 and weight.shape[1] == 1
    kind = DepthwiseConv2D if is_depthwise else Conv2D
    output = builder.fresh_name(node.output)
    stored = builder.add(
        kind(image.tensor, *names, output, window.stride, window.dilation, window.padding)
    )
    return view_image(output, stored, image)


def _check_weight(weight: Array, groups: int, channels: int, *, is_signal: bool) -> None:
    if weight.ndim != (3 if is_signal else 4):
        raise UnsupportedNodeError(f"weight has {weight.ndim} axes, the input does not fit")
    if groups < 1 or weight.shape[1] * groups != channels or weight.shape[0] % groups:
        raise UnsupportedNodeError(
            f"weight {weight.shape} in {groups} groups does not read {channels} channels"
        )


def _arrange_weight(oihw: Array, groups: int) -> Array:
    """Return OHWI, or 1HWC for a depthwise convolution."""
    if groups == 1:
        return oihw.transpose(0, 2, 3, 1)
    if oihw.shape[1] == 1:
        return oihw.transpose(1, 2, 3, 0)
    return _block_diagonal(oihw, groups).transpose(0, 2, 3, 1)


def _block_diagonal(oihw: Array, groups: int) -> Array:
    out, read, height, width = oihw.shape
    dense = np.zeros((out, read * groups, height, width), oihw.dtype)
    rows = out // groups
    for group in range(groups):
        block = slice(group * rows, (group + 1) * rows)
        dense[block, group * read : (group + 1) * read] = oihw[block]
    return dense
