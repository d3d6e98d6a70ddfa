"""Nodes of our QDQ files that only move or interpolate values."""

import math
from typing import Any

import onnx
from onnx import helper

from quantize.errors import ModelError
from quantize.ir.moving_ops import (
    DepthToSpace,
    Gather,
    ResizeBilinear,
    ResizeMode,
    ResizeNearest,
    Slice,
    SpaceToDepth,
)
from quantize.load.onnx_qdq_chain import LAST_AXIS, Chain, Read, Real

MOVING = frozenset({"Slice", "Gather", "Resize", "SpaceToDepth", "DepthToSpace"})


def read_moving(chain: Chain, node: onnx.NodeProto) -> Read:
    """Return the operation of a node whose kind is in MOVING, its shape, its layout."""
    real = chain.source.real(node.input[0])
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    match node.op_type:
        case "Slice":
            return _slice(chain, node, real), None, real.is_first
        case "Gather":
            indices = tuple(int(i) for i in chain.source.initializer(node.input[1]))
            axis = _last(int(attributes["axis"]), real)
            return Gather(real.name, chain.output, axis, indices), None, real.is_first
        case "Resize":
            return _resize(chain, node, real, attributes), None, True
        case kind:
            make = SpaceToDepth if kind == "SpaceToDepth" else DepthToSpace
            return make(real.name, chain.output, int(attributes["blocksize"])), None, True


def _last(axis: int, real: Real) -> int:
    return LAST_AXIS[axis] if real.is_first else axis


def _slice(chain: Chain, node: onnx.NodeProto, real: Real) -> Slice:
    starts, sizes, steps = [0] * len(real.shape), list(real.shape), [1] * len(real.shape)
    columns = [chain.source.initializer(name).tolist() for name in node.input[1:5]]
    for start, end, axis, step in zip(*columns, strict=True):
        last = _last(axis, real)
        starts[last], steps[last] = start, step
        sizes[last] = math.ceil((max(end, -1) - start) / step)
    return Slice(real.name, chain.output, tuple(starts), tuple(sizes), tuple(steps))


def _resize(
    chain: Chain, node: onnx.NodeProto, real: Real, attributes: dict[str, Any]
) -> ResizeNearest | ResizeBilinear:
    mode = ResizeMode(attributes["coordinate_transformation_mode"].decode())
    make = ResizeNearest if attributes["mode"] == b"nearest" else ResizeBilinear
    return make(real.name, chain.output, _size(chain, node, real), mode)


def _size(chain: Chain, node: onnx.NodeProto, real: Real) -> tuple[int, int]:
    if len(node.input) == 3:
        _, _, *scales = chain.source.initializer(node.input[2]).tolist()
        height, width = (int(n * scale) for n, scale in zip(real.shape[1:3], scales, strict=True))
        return height, width
    target = chain.source.producer(node.input[3])
    if target is None:
        raise ModelError(f"{chain.output}: nothing makes its size")
    height, width = chain.source.initializer(target.input[1]).tolist()
    return height, width
