"""Pools and means over the image."""

from dataclasses import replace

import numpy as np

from quantize.ir.ops import AveragePool2D, MaxPool2D, Mean, Pad, Padding
from quantize.load.onnx_builder import GraphBuilder
from quantize.load.onnx_layout import View, arranged_view, reshaped
from quantize.load.onnx_node import Node, UnsupportedNodeError, axis_within
from quantize.load.onnx_windows import Image, Window, read_image, read_window, view_image


def load_max_pool(node: Node, builder: GraphBuilder) -> View:
    """Read MaxPool."""
    image = read_image(node, builder)
    window = _read_pool(node, image)
    output = builder.fresh_name(node.output)
    operation = MaxPool2D(image.tensor, output, window.kernel, window.stride, window.padding)
    return view_image(output, builder.add(operation), image)


def load_average_pool(node: Node, builder: GraphBuilder) -> View:
    """Read AveragePool; where padded cells count, they become a Pad of their own."""
    image = read_image(node, builder)
    window = _read_pool(node, image)
    tensor, padding = image.tensor, window.padding
    if node.integer("count_include_pad", 0) and padding != Padding():
        if node.integer("ceil_mode", 0):
            raise UnsupportedNodeError("count_include_pad with ceil_mode; set one of them to 0")
        tensor, padding = _pad(tensor, padding, builder), Padding()
    output = builder.fresh_name(node.output)
    operation = AveragePool2D(tensor, output, window.kernel, window.stride, padding)
    return view_image(output, builder.add(operation), image)


def load_global_average_pool(node: Node, builder: GraphBuilder) -> View:
    """Read GlobalAveragePool."""
    return _mean(node, builder, tuple(range(2, len(node.view().shape))), keep_dims=True)


def load_global_max_pool(node: Node, builder: GraphBuilder) -> View:
    """Read GlobalMaxPool: one window as large as the image."""
    image = read_image(node, builder)
    output = builder.fresh_name(node.output)
    stored = builder.add(MaxPool2D(image.tensor, output, image.size, (1, 1)))
    return view_image(output, stored, image)


def load_reduce_mean(node: Node, builder: GraphBuilder) -> View:
    """Read ReduceMean over anything but the batch."""
    view, axes = node.view(), node.axes(1)
    if not axes and node.integer("noop_with_empty_axes", 0):
        return view
    rank = len(view.shape)
    wanted = tuple(sorted(axis_within(axis, rank) for axis in axes or range(rank)))
    if wanted[0] == 0:
        raise UnsupportedNodeError(
            "the mean is taken over the batch (axis 0) too; leave axis 0 out"
        )
    return _mean(node, builder, wanted, keep_dims=bool(node.integer("keepdims", 1)))


def _mean(node: Node, builder: GraphBuilder, reduced: tuple[int, ...], *, keep_dims: bool) -> View:
    view = node.view()
    shape = tuple(1 if axis in reduced else size for axis, size in enumerate(view.shape))
    tensor, axes = builder.arrange_as_is(view)
    stored_axes = tuple(sorted(1 + axes.index(axis) for axis in reduced))
    output = builder.fresh_name(node.output)
    stored = builder.add(Mean(tensor, output, stored_axes, keep_dims))
    kept = arranged_view(output, shape, axes, stored)
    left = tuple(size for axis, size in enumerate(view.shape) if axis not in reduced)
    squeezed = kept if keep_dims else reshaped(kept, left)
    assert squeezed is not None  # axes of size 1 always go
    return squeezed


def _read_pool(node: Node, image: Image) -> Window:
    window = read_window(node, image, node.integers("kernel_shape") or ())
    if window.dilation != (1, 1):
        raise UnsupportedNodeError(f"dilations {window.dilation}; only 1 is supported in a pool")
    return _widen_for_ceil(window, image) if node.integer("ceil_mode", 0) else window


def _widen_for_ceil(window: Window, image: Image) -> Window:
    """Return the window with the padding behind the image that rounding up amounts to."""
    pad = window.padding
    bottom = _ceil_padding(image.size[0], (pad.top, pad.bottom), window.kernel[0], window.stride[0])
    right = _ceil_padding(image.size[1], (pad.left, pad.right), window.kernel[1], window.stride[1])
    return replace(window, padding=replace(pad, bottom=bottom, right=right))


def _ceil_padding(size: int, pads: tuple[int, int], kernel: int, stride: int) -> int:
    room = size + sum(pads) - kernel
    steps = int(np.ceil(room / stride))
    if steps * stride >= size + pads[0]:  # such a window would see nothing but padding
        steps -= 1
    return max(pads[1], steps * stride + kernel - size - pads[0])


def _pad(tensor: str, padding: Padding, builder: GraphBuilder) -> str:
    output = builder.fresh_name(f"{tensor}/padded")
    rows, columns = (padding.top, padding.bottom), (padding.left, padding.right)
    builder.add(Pad(tensor, output, ((0, 0), rows, columns, (0, 0))))
    return output
