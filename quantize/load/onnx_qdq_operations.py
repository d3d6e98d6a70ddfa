"""The nodes between DequantizeLinear and QuantizeLinear as one operation of ours."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from onnx import helper

from quantize.errors import ModelError
from quantize.ir.ops import (
    Activate,
    Activation,
    Add,
    ArgMax,
    AveragePool2D,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    FullyConnected,
    HardSwish,
    L2Normalization,
    LeakyRelu,
    Logistic,
    LogSoftmax,
    Maximum,
    MaxPool2D,
    Mean,
    Minimum,
    Mul,
    Operation,
    Pad,
    Padding,
    PadFill,
    Prelu,
    Quantize,
    Reshape,
    Softmax,
    Sub,
    Tanh,
    Transpose,
    TransposeConv2D,
)
from quantize.load.onnx_qdq_chain import LAST_AXIS, Chain, Constant, Read
from quantize.load.onnx_qdq_moving import MOVING, read_moving

_FROM_FIRST = (0, 2, 3, 1)
_ARITHMETIC: Mapping[str, type[Add | Sub | Mul]] = {"Add": Add, "Sub": Sub, "Mul": Mul}
_WITHOUT_ACTIVATION: Mapping[str, type[Minimum | Maximum | Prelu]] = {
    "Min": Minimum,
    "Max": Maximum,
    "PRelu": Prelu,
}
_CURVES: Mapping[str, type[Logistic | Tanh | HardSwish]] = {
    "Sigmoid": Logistic,
    "Tanh": Tanh,
    "HardSwish": HardSwish,
}
_CONV_WEIGHT, _DEPTHWISE_WEIGHT, _TRANSPOSED_WEIGHT = (0, 2, 3, 1), (1, 2, 3, 0), (1, 2, 3, 0)


def read_operation(chain: Chain, value: str) -> Read:
    """Return the operation whose result `value` is, its declared shape, and its layout.

    The layout is True where the channels come first.

    Raises:
        ModelError: The nodes are not as we write them.
    """
    node = _behind_activation(chain, value)
    if node.op_type in MOVING:
        return read_moving(chain, node)
    match node.op_type:
        case "DequantizeLinear" | "Identity":
            return _rescale(chain, node)
        case "Conv":
            return _conv(chain, node), None, True
        case "ConvTranspose":
            return _transpose_conv(chain, node), None, True
        case "Gemm":
            return _gemm(chain, node), None, False
        case "Add" | "Sub" | "Mul" | "Min" | "Max" | "PRelu":
            return _binary(chain, node)
        case "AveragePool" | "MaxPool":
            return _pool(chain, node), None, True
        case "GlobalAveragePool":
            name = chain.source.real(node.input[0]).name
            return Mean(name, chain.output, (1, 2), keep_dims=True), None, True
        case "ReduceMean":
            name = chain.source.real(node.input[0]).name
            axes = tuple(_attributes(node)["axes"])
            return Mean(name, chain.output, axes, keep_dims=True), None, False
        case "Pad":
            return _pad(chain, node)
        case "Reshape":
            return _reshape(chain, node)
        case "Transpose":
            name = chain.source.real(node.input[0]).name
            return Transpose(name, chain.output, tuple(_attributes(node)["perm"])), None, False
        case "Concat":
            return _concat(chain, node)
        case "Softmax":
            return _softmax(chain, node), None, False
        case "LogSoftmax" | "LpNormalization":
            make = LogSoftmax if node.op_type == "LogSoftmax" else L2Normalization
            return make(chain.source.real(node.input[0]).name, chain.output), None, False
        case "ArgMax":
            return ArgMax(chain.source.real(node.input[0]).name, chain.output), None, False
        case "Sigmoid" | "Tanh" | "HardSwish":
            real = chain.source.real(node.input[0])
            return _CURVES[node.op_type](real.name, chain.output), None, real.is_first
        case "LeakyRelu":
            real, alpha = chain.source.real(node.input[0]), float(_attributes(node)["alpha"])
            return LeakyRelu(real.name, chain.output, alpha), None, real.is_first
        case _:
            raise ModelError(f"{chain.output}: made by {node.op_type}, which we never write")


def _behind_activation(chain: Chain, value: str) -> onnx.NodeProto:
    node = _producer(chain, value)
    if node.op_type in {"Relu", "Clip"}:
        return _producer(chain, node.input[0])
    return node


def _producer(chain: Chain, value: str) -> onnx.NodeProto:
    node = chain.source.producer(value)
    if node is None:
        raise ModelError(f"{chain.output}: nothing makes {value!r}")
    return node


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _activation(chain: Chain) -> Activation:
    return chain.activation or Activation.NONE


def _rescale(chain: Chain, node: onnx.NodeProto) -> Read:
    real = chain.source.real(node.output[0])
    if chain.activation is not None:
        return Activate(real.name, chain.output, chain.activation), None, real.is_first
    if chain.is_real:
        return Dequantize(real.name, chain.output), None, real.is_first
    return Quantize(real.name, chain.output), None, real.is_first


def _conv(chain: Chain, node: onnx.NodeProto) -> Operation:
    attributes = _attributes(node)
    is_depthwise = attributes.get("group", 1) > 1 or chain.is_depthwise
    permutation, axis = (_DEPTHWISE_WEIGHT, 3) if is_depthwise else (_CONV_WEIGHT, 0)
    make = DepthwiseConv2D if is_depthwise else Conv2D
    return make(
        chain.source.real(node.input[0]).name,
        _weight(chain, node.input[1], permutation, axis),
        _bias(chain, node),
        chain.output,
        stride=_pair(attributes["strides"]),
        dilation=_pair(attributes.get("dilations", (1, 1))),
        padding=_padding(attributes["pads"]),
        activation=_activation(chain),
    )


def _transpose_conv(chain: Chain, node: onnx.NodeProto) -> Operation:
    attributes, real = _attributes(node), chain.source.real(node.input[0])
    pads, extra = attributes["pads"], attributes.get("output_padding", (0, 0))
    height, width = (
        (real.shape[1 + axis] - 1) * attributes["strides"][axis]
        + attributes["kernel_shape"][axis]
        - (pads[axis] + pads[axis + 2])
        + extra[axis]
        for axis in (0, 1)
    )
    return TransposeConv2D(
        real.name,
        _weight(chain, node.input[1], _TRANSPOSED_WEIGHT, 0),
        _bias(chain, node),
        chain.output,
        stride=_pair(attributes["strides"]),
        crop=_pair(pads),
        size=(height, width),
        activation=_activation(chain),
    )


def _pair(values: Sequence[int]) -> tuple[int, int]:
    return int(values[0]), int(values[1])


def _padding(pads: Sequence[int]) -> Padding:
    top, left, bottom, right = (int(pad) for pad in pads)
    return Padding(top=top, bottom=bottom, left=left, right=right)


def _weight(chain: Chain, value: str, permutation: tuple[int, ...], axis: int) -> str:
    name, constant = chain.source.parameter(value)
    values = np.ascontiguousarray(constant.values.transpose(permutation))
    quant = constant.quant
    if quant is not None and quant.axis is not None:
        quant = replace(quant, axis=axis)
    chain.source.keep(name, Constant(values, quant))
    return name


def _bias(chain: Chain, node: onnx.NodeProto) -> str | None:
    if len(node.input) < 3:
        return None
    name, constant = chain.source.parameter(node.input[2])
    chain.source.keep(name, constant)
    return name


def _gemm(chain: Chain, node: onnx.NodeProto) -> Operation:
    rows = _producer(chain, node.input[0])
    value = rows.input[0] if rows.op_type == "Reshape" else node.input[0]
    return FullyConnected(
        chain.source.real(value).name,
        _weight(chain, node.input[1], (0, 1), 0),
        _bias(chain, node),
        chain.output,
        activation=_activation(chain),
    )


def _binary(chain: Chain, node: onnx.NodeProto) -> Read:
    left, right = (chain.source.real(value) for value in node.input)
    names = (left.name, right.name, chain.output)
    is_first = left.is_first or right.is_first
    if node.op_type in _WITHOUT_ACTIVATION:
        return _WITHOUT_ACTIVATION[node.op_type](*names), None, is_first
    return _ARITHMETIC[node.op_type](*names, _activation(chain)), None, is_first


def _pool(chain: Chain, node: onnx.NodeProto) -> Operation:
    attributes = _attributes(node)
    make = AveragePool2D if node.op_type == "AveragePool" else MaxPool2D
    return make(
        chain.source.real(node.input[0]).name,
        chain.output,
        _pair(attributes["kernel_shape"]),
        _pair(attributes["strides"]),
        _padding(attributes["pads"]),
        _activation(chain),
    )


def _pad(chain: Chain, node: onnx.NodeProto) -> Read:
    real = chain.source.real(node.input[0])
    pairs = chain.source.initializer(node.input[1]).reshape(2, -1).T
    order = _FROM_FIRST if real.is_first else range(len(pairs))
    amounts = tuple((int(pairs[axis][0]), int(pairs[axis][1])) for axis in order)
    is_zero = float(chain.source.initializer(node.input[2])) == 0.0
    fill = PadFill.ZERO if is_zero else PadFill.LOWEST
    return Pad(real.name, chain.output, amounts, fill), None, real.is_first


def _reshape(chain: Chain, node: onnx.NodeProto) -> Read:
    """Return a Reshape, or the Mean that dropped its axes behind a QuantizeLinear of its own."""
    declared = (1, *(int(size) for size in chain.source.initializer(node.input[1])[1:]))
    reduced = _reduced(chain, node.input[0])
    if reduced is None:
        return Reshape(chain.source.real(node.input[0]).name, chain.output), declared, False
    mean, _, _ = read_operation(chain, reduced)
    assert isinstance(mean, Mean)  # _reduced has looked
    return replace(mean, keep_dims=False), None, False


def _reduced(chain: Chain, value: str) -> str | None:
    """Return the reduced mean that a Reshape drops the axes of, behind codes of no name or bare."""
    node = _producer(chain, value)
    if node.op_type == "DequantizeLinear":
        codes = chain.source.producer(node.input[0])
        if codes is None or chain.source.is_named(codes.output[0]):
            return None
        value = codes.input[0]
        node = _producer(chain, value)
    return value if node.op_type in {"GlobalAveragePool", "ReduceMean"} else None


def _concat(chain: Chain, node: onnx.NodeProto) -> Read:
    reals = [chain.source.real(value) for value in node.input]
    is_first = any(real.is_first for real in reals)
    axis = int(_attributes(node)["axis"])
    last = LAST_AXIS[axis] if is_first else axis
    return Concat(tuple(real.name for real in reals), chain.output, last), None, is_first


def _softmax(chain: Chain, node: onnx.NodeProto) -> Operation:
    value, beta = node.input[0], 1.0
    scaled = _producer(chain, value)
    if scaled.op_type == "Mul":
        value, beta = scaled.input[0], float(chain.source.initializer(scaled.input[1]))
    return Softmax(chain.source.real(value).name, chain.output, beta)
