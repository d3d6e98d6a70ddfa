"""Images in another size: Resize, SpaceToDepth, DepthToSpace."""

import math

import numpy as np

from quantize.ir.graph import Array
from quantize.ir.moving_ops import (
    DepthToSpace,
    Resize,
    ResizeBilinear,
    ResizeMode,
    ResizeNearest,
    SpaceToDepth,
)
from quantize.ir.resampling import nearest_indices, onnx_nearest_indices, onnx_says_the_same
from quantize.load.onnx_builder import GraphBuilder
from quantize.load.onnx_layout import View
from quantize.load.onnx_node import Node, UnsupportedNodeError, axis_within
from quantize.load.onnx_slices import gather
from quantize.load.onnx_windows import Image, Pair, read_image, view_image

_WHOLE = 1e-6  # how far a ratio may be from that of the sizes, as part of it


def load_resize(node: Node, builder: GraphBuilder) -> View:
    """Read Resize, nearest or linear, of the axes behind the channels."""
    image = read_image(node, builder)
    size = _wanted(node, image)
    name = builder.fresh_name(node.output)
    kind = node.text("mode", "nearest")
    operation: Resize
    if kind == "nearest":
        operation = ResizeNearest(image.tensor, name, size, _nearest_mode(node, image, size))
    elif kind == "linear":
        operation = ResizeBilinear(image.tensor, name, size, _linear_mode(node, image, size))
    else:
        raise UnsupportedNodeError(f"mode {kind!r}; only 'nearest' and 'linear' are supported")
    return view_image(name, builder.add(operation), image)


def load_space_to_depth(node: Node, builder: GraphBuilder) -> View:
    """Read SpaceToDepth."""
    image = read_image(node, builder)
    name = builder.fresh_name(node.output)
    block = node.integer("blocksize", 0)
    return view_image(name, builder.add(SpaceToDepth(image.tensor, name, block)), image)


def load_depth_to_space(node: Node, builder: GraphBuilder) -> View:
    """Read DepthToSpace; mode CRD (torch's pixel shuffle) is mode DCR of channels in its order."""
    view, block = node.view(), node.integer("blocksize", 0)
    mode = node.text("mode", "DCR")
    if mode not in {"DCR", "CRD"} or block < 1 or view.shape[1] % (block * block):
        raise UnsupportedNodeError(f"mode {mode!r} of {view.shape} in blocks of {block}")
    if mode == "CRD":
        order = np.arange(view.shape[1]).reshape(-1, block * block).T.ravel().tolist()
        view = gather(view, 1, order, f"{node.output}/ordered", builder)
    image = read_image(node.with_view(view), builder)
    name = builder.fresh_name(node.output)
    return view_image(name, builder.add(DepthToSpace(image.tensor, name, block)), image)


def _wanted(node: Node, image: Image) -> Pair:
    """Return the size (H, W) that is asked for."""
    _refuse_options(node)
    rank = len(node.view().shape)
    named = node.integers("axes")
    axes = range(rank) if named is None else [axis_within(axis, rank) for axis in named]
    scales, sizes = _given(node, 2), _given(node, 3)
    wanted = list(node.view().shape)
    if sizes is not None and len(sizes) == len(axes):
        for axis, size in zip(axes, sizes, strict=True):
            wanted[axis] = int(size)
    elif scales is not None and len(scales) == len(axes):
        for axis, scale in zip(axes, scales, strict=True):
            wanted[axis] = _scaled(node.view().shape[axis], float(scale))
    else:
        raise UnsupportedNodeError("neither sizes nor scales for every axis")
    if tuple(wanted[:2]) != node.view().shape[:2] or min(wanted) < 1:
        raise UnsupportedNodeError(
            f"resizes {node.view().shape} to {tuple(wanted)}; batch and channels stay"
        )
    return (1, wanted[2]) if image.is_signal else (wanted[2], wanted[3])


def _refuse_options(node: Node) -> None:
    if node.integer("antialias", 0):
        raise UnsupportedNodeError("antialias is on; export it without")
    policy = node.text("keep_aspect_ratio_policy", "stretch")
    if policy != "stretch":
        raise UnsupportedNodeError(f"keep_aspect_ratio_policy {policy!r}; only 'stretch'")


def _given(node: Node, index: int) -> Array | None:
    values = node.optional_constant(index)
    return None if values is None or not values.size else values.ravel()


def _scaled(size: int, scale: float) -> int:
    """Return the size that a ratio means; ONNX keeps the ratio where that is rounded, we cannot."""
    wanted = math.floor(size * scale + _WHOLE)
    if wanted < 1 or abs(wanted / size - scale) > _WHOLE * scale:
        raise UnsupportedNodeError(f"{size} pixels times {scale:g} is no whole number")
    return wanted


def _transformation(node: Node) -> str:
    return node.text("coordinate_transformation_mode", "half_pixel")


def _nearest_mode(node: Node, image: Image, size: Pair) -> ResizeMode:
    """Return the mode of TFLite that copies the same pixels."""
    transformation = _transformation(node)
    rounding = node.text("nearest_mode", "round_prefer_floor")
    pairs = list(zip(image.size, size, strict=True))
    asked = [onnx_nearest_indices(n, m, transformation, rounding) for n, m in pairs]
    for mode in ResizeMode:
        found = [nearest_indices(n, m, mode) for n, m in pairs]
        is_same = all(map(_equal, asked, found))
        if is_same and all(onnx_says_the_same(n, m, mode) for n, m in pairs):
            return mode
    raise UnsupportedNodeError(
        f"{transformation!r} with {rounding!r} from {image.size} to {size}; TFLite cannot say it, "
        "'asymmetric' with 'floor' it can"
    )


def _equal(asked: Array | None, found: Array) -> bool:
    return asked is not None and np.array_equal(asked, found)


def _linear_mode(node: Node, image: Image, size: Pair) -> ResizeMode:
    transformation = _transformation(node)
    pairs = zip(image.size, size, strict=True)
    if transformation == "pytorch_half_pixel" and all(m > 1 or n == 1 for n, m in pairs):
        return ResizeMode.HALF_PIXEL
    if transformation not in set(ResizeMode):
        allowed = ", ".join(ResizeMode)
        raise UnsupportedNodeError(f"{transformation!r} from {image.size} to {size}, not {allowed}")
    return ResizeMode(transformation)
