"""Transposed convolutions: every padding that ONNX can say, in the two that TFLite has."""

from dataclasses import dataclass, replace

import numpy as np

from quantize.ir.graph import Array
from quantize.ir.ops import TransposeConv2D
from quantize.ir.shapes import same_padding
from quantize.load.onnx_builder import GraphBuilder
from quantize.load.onnx_layout import View
from quantize.load.onnx_node import Node, UnsupportedNodeError
from quantize.load.onnx_slices import cut
from quantize.load.onnx_windows import Image, Pair, read_image, read_window, view_image


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis: the input's size, the output's, what is cut in front of that, kernel, stride."""

    image: int
    size: int
    crop: int
    kernel: int
    stride: int

    @property
    def reach(self) -> int:
        """How many pixels the kernel reaches."""
        return (self.image - 1) * self.stride + self.kernel

    @property
    def is_whole(self) -> bool:
        """Whether nothing of them is cut."""
        return self.crop == 0 and self.size >= self.reach

    def whole(self) -> "_Axis":
        """Return the axis with nothing cut."""
        return replace(self, crop=0, size=max(self.reach, self.crop + self.size))


def load_conv_transpose(node: Node, builder: GraphBuilder) -> View:
    """Read ConvTranspose of one group, without dilation.

    Where TFLite's SAME would cut too little in front, zeros behind the kernel make it cut more;
    what neither SAME nor VALID says is made whole and cut by a Slice.
    """
    image = read_image(node, builder)
    weight, bias = _weight(node, image), node.optional_constant(2)
    axes = _axes(node, image, weight)
    zeros = None if all(axis.is_whole for axis in axes) else _zeros(axes)
    grown = np.pad(weight, ((0, 0), *((0, more) for more in zeros or (0, 0)), (0, 0)))
    names = (
        builder.add_constant(f"{node.output}/weight", grown),
        None if bias is None else builder.add_constant(f"{node.output}/bias", bias),
    )
    rows, columns = axes if zeros else (axis.whole() for axis in axes)
    output = builder.fresh_name(node.output if zeros else f"{node.output}/whole")
    operation = TransposeConv2D(
        image.tensor,
        *names,
        output,
        (rows.stride, columns.stride),
        (rows.crop, columns.crop),
        (rows.size, columns.size),
    )
    view = view_image(output, builder.add(operation), image)
    places = {len(view.shape) - 2 + i: range(a.crop, a.crop + a.size) for i, a in enumerate(axes)}
    return view if zeros or (rows, columns) == axes else cut(view, places, node.output, builder)


def _weight(node: Node, image: Image) -> Array:
    """Return (O, KH, KW, I) of ONNX's (I, O, KH, KW)."""
    weight = node.constant(1)
    if node.integer("group", 1) != 1:
        raise UnsupportedNodeError("has groups; only one group is supported")
    if weight.ndim != (3 if image.is_signal else 4) or weight.shape[0] != image.channels:
        raise UnsupportedNodeError(f"weight {weight.shape} does not read {image.channels} channels")
    iohw = weight[:, :, None, :] if image.is_signal else weight
    return iohw.transpose(1, 2, 3, 0)


def _axes(node: Node, image: Image, weight: Array) -> tuple[_Axis, _Axis]:
    if node.text("auto_pad", "NOTSET") != "NOTSET" or node.integers("output_shape"):
        raise UnsupportedNodeError("auto_pad or output_shape; export it with pads")
    kernel = weight.shape[1:3]
    window = read_window(node, image, kernel[1:] if image.is_signal else kernel)
    if window.dilation != (1, 1):
        raise UnsupportedNodeError(f"dilations {window.dilation}; only 1 is supported")
    pad, extra = window.padding, _output_padding(node, image)
    ends = ((pad.top, pad.bottom), (pad.left, pad.right))
    rows, columns = (
        _Axis(
            image.size[i],
            (image.size[i] - 1) * window.stride[i] + kernel[i] - sum(ends[i]) + extra[i],
            ends[i][0],
            kernel[i],
            window.stride[i],
        )
        for i in (0, 1)
    )
    return rows, columns


def _output_padding(node: Node, image: Image) -> Pair:
    extra = node.integers("output_padding") or (0, 0)
    return (0, extra[0]) if image.is_signal else (extra[0], extra[1])


def _zeros(axes: tuple[_Axis, _Axis]) -> Pair | None:
    """Return how many zeros behind the kernel let SAME cut as it should, None if none do."""
    if any(-(-axis.size // axis.stride) != axis.image for axis in axes):
        return None
    found = [
        next((n for n in range(axis.kernel + 1) if _same_crop(axis, n) == axis.crop), None)
        for axis in axes
    ]
    return None if found[0] is None or found[1] is None else (found[0], found[1])


def _same_crop(axis: _Axis, zeros: int) -> int:
    kernel = (axis.kernel + zeros, 1)
    return same_padding((axis.size, 1), kernel, (axis.stride, 1), (1, 1)).top
