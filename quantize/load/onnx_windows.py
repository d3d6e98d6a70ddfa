"""What convolutions and pools share: a window that slides over an image of one or two axes."""

from dataclasses import dataclass

from quantize.ir.ops import Padding
from quantize.ir.shapes import same_padding
from quantize.load.onnx_builder import GraphBuilder
from quantize.load.onnx_layout import Shape, View, arranged_view, channels_last
from quantize.load.onnx_node import Node, UnsupportedNodeError

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Image:
    """The input of a window as the graph stores it, (1, H, W, C); H is 1 for a signal (1, C, L)."""

    tensor: str
    size: Pair
    channels: int
    is_signal: bool


@dataclass(frozen=True, slots=True)
class Window:
    """Sizes as (vertical, horizontal)."""

    kernel: Pair
    stride: Pair
    dilation: Pair
    padding: Padding


def read_image(node: Node, builder: GraphBuilder) -> Image:
    """Return input 0, channels first in ONNX, as an image that is stored channels-last."""
    view = node.view(0)
    rank = len(view.shape)
    if rank not in {3, 4}:
        raise UnsupportedNodeError(
            f"input has shape {view.shape}; only 1-D and 2-D windows, (1, C, L) or (1, C, H, W), "
            "are supported"
        )
    height, width = view.shape[2:] if rank == 4 else (1, view.shape[2])
    stored = (1, height, width, view.shape[1])
    tensor = builder.arrange(view, channels_last(rank), stored)
    return Image(tensor, (height, width), view.shape[1], is_signal=rank == 3)


def view_image(tensor: str, stored: Shape, image: Image) -> View:
    """Return the channels-first ONNX view of a window's output (1, H, W, C)."""
    batch, height, width, channels = stored
    shape = (batch, channels, width) if image.is_signal else (batch, channels, height, width)
    return arranged_view(tensor, shape, channels_last(len(shape)), stored)


def read_window(node: Node, image: Image, kernel: tuple[int, ...]) -> Window:
    """Return the window of a convolution or pool; `kernel` as ONNX has it."""
    size = _pair(kernel, image, 1)
    stride = _pair(node.integers("strides"), image, 1)
    dilation = _pair(node.integers("dilations"), image, 1)
    padding = _read_padding(node, image, size, stride, dilation)
    return Window(size, stride, dilation, padding)


def _pair(values: tuple[int, ...] | None, image: Image, default: int) -> Pair:
    if values is None:
        return default, default
    expected = 1 if image.is_signal else 2
    if len(values) != expected or min(values) < 1:
        raise UnsupportedNodeError(f"{values} where {expected} positive sizes are expected")
    return (1, values[0]) if image.is_signal else (values[0], values[1])


def _read_padding(node: Node, image: Image, kernel: Pair, stride: Pair, dilation: Pair) -> Padding:
    mode = node.text("auto_pad", "NOTSET")
    match mode:
        case "NOTSET":
            return _explicit(node.integers("pads"), image)
        case "VALID":
            return Padding()
        case "SAME_UPPER":
            return same_padding(image.size, kernel, stride, dilation)
        case "SAME_LOWER":
            upper = same_padding(image.size, kernel, stride, dilation)
            return Padding(upper.bottom, upper.top, upper.right, upper.left)
        case _:
            raise UnsupportedNodeError(f"auto_pad {mode!r}, allowed are NOTSET, VALID, SAME_*")


def _explicit(pads: tuple[int, ...] | None, image: Image) -> Padding:
    if pads is None:
        return Padding()
    if len(pads) != (2 if image.is_signal else 4) or min(pads) < 0:
        raise UnsupportedNodeError(f"pads {pads}: only amounts of at least 0 are supported")
    if image.is_signal:
        return Padding(left=pads[0], right=pads[1])
    return Padding(top=pads[0], left=pads[1], bottom=pads[2], right=pads[3])
