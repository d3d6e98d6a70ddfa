"""Weights and biases as integers, with accumulators that provably fit into int32."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from quantize.errors import GraphError
from quantize.ir.fixed_point import INT32_MAX, WIDE_ACCUMULATOR_MAX
from quantize.ir.graph import Array, DType, IntGraph, QuantParams
from quantize.ir.integer_params import code_limits
from quantize.ir.ops import Conv2D, DepthwiseConv2D, FullyConnected, TransposeConv2D
from quantize.ir.widths import BIAS_TYPES, width
from quantize.params import as_float32

WEIGHT_MAX = 127
_BIAS_MAX = 2**30  # half of the accumulator; the other half is for the products
_PRODUCTS_MAX = 0.98 * 2**30  # 2 % are left for the rounding of the weights
_FINEST = 2.0**-20  # a weight code never moves the output by less than this part of its step

Weighted = Conv2D | DepthwiseConv2D | TransposeConv2D | FullyConnected


@dataclass(frozen=True, slots=True, eq=False)
class IntegerWeights:
    """The integers of one weighted operation.

    Attributes:
        weight: int8 in [-127, 127], in the float weight's shape.
        weight_params: Of the weight; with an axis where each channel has its own scale.
        bias: (O,) int32, or int64 beside int16 activations.
        bias_params: Of the bias; its scales are input scale * weight scale.
    """

    weight: npt.NDArray[np.int8]
    weight_params: QuantParams
    bias: Array
    bias_params: QuantParams


def weight_axis(operation: Weighted) -> int:
    """Return the axis of an operation's output channels in its weight."""
    return 3 if isinstance(operation, DepthwiseConv2D) else 0


def by_channel(weight: Array, axis: int) -> Array:
    """Return a weight as (O, K): a row per output channel."""
    return np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1)


def from_channels(rows: Array, shape: tuple[int, ...], axis: int) -> Array:
    """Return (O, K) rows in the weight's own shape, the inverse of `by_channel`."""
    rest = (*shape[:axis], *shape[axis + 1 :])
    return np.ascontiguousarray(np.moveaxis(rows.reshape(shape[axis], *rest), 0, axis))


def weight_scales(
    rows: Array,
    bias: Array,
    step: tuple[QuantParams, QuantParams],
    kind: DType,
    *,
    per_channel: bool,
) -> npt.NDArray[np.float64]:
    """Return the scale of each output channel, (O,), each exactly a float32.

    It spans the greatest weight; it is raised where the bias or, in int8, the worst accumulator
    would not fit into int32, and where a dead channel's weights would have next to no scale.

    Args:
        rows: (O, K) float weights.
        bias: (O,) float.
        step: The params of the input and of the output.
        kind: Of the activations; those of int16 have accumulators of int64.
        per_channel: False gives all channels the greatest scale.
    """
    x, y = step[0].scale[0], step[1].scale[0]
    peaks = np.abs(rows).max(axis=1).astype(np.float64)
    reach = 128 + abs(step[0].zero_point)
    demands = [peaks / WEIGHT_MAX, np.abs(bias.astype(np.float64)) / (x * _BIAS_MAX)]
    if kind is DType.INT8:
        demands.append(np.abs(rows).sum(axis=1, dtype=np.float64) * reach / _PRODUCTS_MAX)
    scales = np.maximum(np.max(demands, axis=0), _FINEST * y / x)
    if not per_channel:
        scales = np.full_like(scales, scales.max())
    return np.array([as_float32(scale) for scale in scales])


def round_weights(rows: Array, scales: npt.NDArray[np.float64]) -> npt.NDArray[np.int8]:
    """Return (O, K) int8: each weight's nearest code."""
    codes = np.rint(rows.astype(np.float64) / scales[:, None])
    return np.clip(codes, -WEIGHT_MAX, WEIGHT_MAX).astype(np.int8)


def round_bias(
    bias: Array, input_params: QuantParams, scales: npt.NDArray[np.float64], kind: DType
) -> Array:
    """Return (O,): each bias's nearest code, in the type that goes with activations of `kind`."""
    codes = np.rint(bias.astype(np.float64) / (input_params.scale[0] * scales))
    return np.clip(codes, -_BIAS_MAX, _BIAS_MAX).astype(BIAS_TYPES[kind].value)


def integer_weights(
    operation: Weighted,
    constants: tuple[Array, Array],
    step: tuple[QuantParams, QuantParams],
    kind: DType,
    *,
    per_channel: bool,
) -> IntegerWeights:
    """Return the integers of one operation.

    Args:
        operation: Whose weights they are.
        constants: Its float weight and bias.
        step: The params of its input and of its output.
        kind: Of both, int8 or int16.
        per_channel: Whether each output channel has its own scale.
    """
    weight, bias = constants
    axis = weight_axis(operation)
    rows = by_channel(weight, axis)
    scales = weight_scales(rows, bias, step, kind, per_channel=per_channel)
    kept = scales if per_channel else scales[:1]
    bias_scales = tuple(as_float32(step[0].scale[0] * scale) for scale in kept)
    return IntegerWeights(
        from_channels(round_weights(rows, scales), weight.shape, axis),
        QuantParams(tuple(map(float, kept)), 0, axis if per_channel else None),
        round_bias(bias, step[0], scales, kind),
        QuantParams(bias_scales, 0, 0 if per_channel else None),
    )


def worst_accumulators(operation: Weighted, graph: IntGraph) -> npt.NDArray[np.int64]:
    """Return the greatest magnitude that each channel's accumulator can ever reach, (O,).

    It holds for every input, for every order of the additions, and for kernels that fold the
    input's zero point into the bias: sum(|w|) * (128 + |zero point|) + |bias|, and 32768 for 128
    where the input is int16.
    """
    kind = graph.tensors[operation.input]
    assert kind.quant is not None, operation.input
    rows = by_channel(graph.constants[operation.weight], weight_axis(operation))
    sums = np.abs(rows.astype(np.int64)).sum(axis=1)
    bias = 0 if operation.bias is None else np.abs(graph.constants[operation.bias].astype(np.int64))
    reach = -code_limits(kind.dtype)[0] + abs(kind.quant.zero_point)
    worst: npt.NDArray[np.int64] = sums * reach + bias
    return worst


def check_accumulators(graph: IntGraph) -> IntGraph:
    """Return the graph, having proven that no accumulator overflows int32, or 48 bits in int16.

    Raises:
        GraphError: Names the operation, the channel and its worst case.
    """
    for operation in graph.operations:
        kind = width(operation, graph)
        if isinstance(operation, Weighted) and kind is not DType.FLOAT32:
            worst = worst_accumulators(operation, graph)
            allowed = WIDE_ACCUMULATOR_MAX if kind is DType.INT16 else INT32_MAX
            if worst.max() > allowed:
                raise GraphError(
                    f"{operation.output}: channel {int(worst.argmax())} can reach "
                    f"{int(worst.max())}, allowed is {allowed}"
                )
    return graph


def replace_constants(graph: IntGraph, constants: dict[str, Array]) -> IntGraph:
    """Return the graph with other values of some constants, of the same shape and type."""
    return replace(graph, constants={**graph.constants, **constants})
