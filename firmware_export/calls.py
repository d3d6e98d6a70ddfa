"""Calls: which kernels an operation is, and what they read and write."""

from dataclasses import dataclass
from typing import assert_never

from firmware_export.dsp import conv_dsp_parameters, dense_dsp_parameters
from firmware_export.errors import FirmwareExportError, UnsupportedForCError
from firmware_export.moving_parameters import moving_parameters
from firmware_export.mve import conv_mve_parameters, dense_mve_parameters
from firmware_export.parameters import (
    Parameters,
    add_parameters,
    arg_max_parameters,
    concat_parameters,
    extremum_parameters,
    l2_parameters,
    log_softmax_parameters,
    lookup_parameters,
    mean_parameters,
    mul_parameters,
    pad_parameters,
    pool_parameters,
    prelu_parameters,
    rescale_parameters,
    softmax_parameters,
    transpose_parameters,
)
from firmware_export.target import Tier
from firmware_export.transpose_conv_parameters import transpose_conv_parameters
from firmware_export.weighted_parameters import (
    conv_parameters,
    dense_parameters,
    pointwise_parameters,
)
from firmware_export.wide_parameters import is_wide, wide_curve_parameters, wide_parameters
from quantize.ir.graph import IntGraph
from quantize.ir.moving_ops import (
    DepthToSpace,
    Gather,
    ResizeBilinear,
    ResizeNearest,
    Slice,
    SpaceToDepth,
)
from quantize.ir.ops import (
    Activate,
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
    Prelu,
    Quantize,
    Reshape,
    Softmax,
    Sub,
    Tanh,
    Transpose,
    TransposeConv2D,
    input_names,
)


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """kernel(&parameters, inputs…, output).

    Attributes:
        parameters: Kernel and constants; None where the bytes only have to be copied.
        inputs: The tensors it reads as activations.
        output: The tensor it writes.
    """

    parameters: Parameters | None
    inputs: tuple[str, ...]
    output: str


def kernel_calls(graph: IntGraph, tier: Tier = Tier.GENERIC) -> tuple[Call, ...]:
    """Return the calls that compute a graph with the kernels of a tier, in order.

    Raises:
        UnsupportedForCError: Names every operation that the C cannot say.
    """
    problems: list[str] = []
    calls: list[Call] = []
    for operation in graph.operations:
        try:
            calls += _calls(operation, graph, tier)
        except FirmwareExportError as error:
            problems.append(f"{operation.output} ({type(operation).__name__}): {error}")
    if problems:
        raise UnsupportedForCError(graph.name, problems)
    return tuple(calls)


def _calls(operation: Operation, graph: IntGraph, tier: Tier) -> list[Call]:
    match operation:
        case Concat():
            parts = concat_parameters(operation, graph)
            if is_wide(operation, graph):
                parts = tuple(wide_parameters(part, operation, graph) for part in parts)
            pairs = zip(parts, operation.inputs, strict=True)
            return [Call(part, (name,), operation.output) for part, name in pairs]
        case Add() | Sub() | Mul() | Minimum() | Maximum() | Prelu():
            inputs = input_names(operation)
        case _:
            inputs = (operation.input,)
    return [Call(_own_parameters(operation, graph, tier), inputs, operation.output)]


def _own_parameters(operation: Operation, graph: IntGraph, tier: Tier) -> Parameters | None:
    if not is_wide(operation, graph):
        return _parameters(operation, graph, tier)
    if isinstance(operation, Softmax | Logistic | Tanh):
        return wide_curve_parameters(operation, graph)
    plain = _parameters(operation, graph, Tier.GENERIC)
    return None if plain is None else wide_parameters(plain, operation, graph)


def _unchanged(plain: Parameters) -> Parameters:
    return plain


_CONV = {Tier.GENERIC: _unchanged, Tier.DSP: conv_dsp_parameters, Tier.MVE: conv_mve_parameters}
_DENSE = {Tier.GENERIC: _unchanged, Tier.DSP: dense_dsp_parameters, Tier.MVE: dense_mve_parameters}


def _parameters(operation: Operation, graph: IntGraph, tier: Tier) -> Parameters | None:
    match operation:
        case Conv2D() | DepthwiseConv2D():
            return pointwise_parameters(_CONV[tier](conv_parameters(operation, graph)))
        case TransposeConv2D():
            return transpose_conv_parameters(operation, graph)
        case FullyConnected():
            return _DENSE[tier](dense_parameters(operation, graph))
        case Add() | Sub():
            return add_parameters(operation, graph)
        case Mul():
            return mul_parameters(operation, graph)
        case Minimum() | Maximum():
            return extremum_parameters(operation, graph)
        case Prelu():
            return prelu_parameters(operation, graph)
        case AveragePool2D() | MaxPool2D():
            return pool_parameters(operation, graph)
        case Mean():
            return mean_parameters(operation, graph)
        case Pad():
            return pad_parameters(operation, graph)
        case Transpose():
            return transpose_parameters(operation, graph)
        case (
            Slice()
            | Gather()
            | ResizeNearest()
            | ResizeBilinear()
            | SpaceToDepth()
            | DepthToSpace()
        ):
            return moving_parameters(operation, graph)
        case Softmax():
            return softmax_parameters(operation, graph)
        case LogSoftmax():
            return log_softmax_parameters(operation, graph)
        case L2Normalization():
            return l2_parameters(operation, graph)
        case Logistic() | Tanh() | HardSwish() | LeakyRelu():
            return lookup_parameters(operation, graph)
        case Activate() | Quantize():
            return rescale_parameters(operation, graph)
        case ArgMax():
            return arg_max_parameters(operation, graph)
        case Reshape():
            return None
        case (
            Concat() | Dequantize()
        ):  # pragma: no cover - split above; check_integer lets none pass
            raise AssertionError(operation)
        case _:
            assert_never(operation)
