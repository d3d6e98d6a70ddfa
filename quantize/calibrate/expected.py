"""What the tensors of a network are expected to hold when it has been shown nothing.

Each channel is thought of by quantiles. Where a batch normalization told mean and deviation, they
are those of a normal distribution; elsewhere they follow from what is in front, as if channels
were independent and neighbouring pixels alike or independent, whichever spreads more.

Source: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction"
(2019), section 4.2.1 and appendix; the propagation beyond is ours and rougher.
"""

from collections.abc import Mapping
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.calibrate.collect import Calibration
from quantize.calibrate.histogram import histogram_of
from quantize.ir.float_executor import execute_float_operation
from quantize.ir.graph import Array, FloatGraph
from quantize.ir.moving_ops import Gather, Slice
from quantize.ir.ops import (
    Activate,
    Activation,
    Add,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    HardSwish,
    LeakyRelu,
    Logistic,
    Maximum,
    Mean,
    Minimum,
    Mul,
    Operation,
    Prelu,
    Sub,
    Tanh,
    TransposeConv2D,
    input_names,
)
from quantize.ir.statistics import ChannelStatistics

QUANTILES = 255
REACH_TOLD = 6.0  # deviations that the outermost quantiles stand for, where a file tells them
REACH_RECKONED = 4.0  # and where they are reckoned
MEANED_DEVIATION = 0.5  # what is left of the deviation in a mean over an image

_Floats: TypeAlias = npt.NDArray[np.float64]
Quantiles: TypeAlias = Mapping[str, _Floats]
_Weighted: TypeAlias = Conv2D | DepthwiseConv2D | TransposeConv2D | FullyConnected
_OfOneValue: TypeAlias = Activate | HardSwish | LeakyRelu | Logistic | Tanh | Prelu


def expected_quantiles(
    graph: FloatGraph,
    known: Mapping[str, ChannelStatistics],
    input_range: tuple[float, float],
) -> dict[str, _Floats]:
    """Return the quantiles of each channel of every activation, (Q, C) by name.

    Args:
        graph: Float.
        known: Of tensors before their own clamp, by name.
        input_range: What every value of an input lies in, all alike often.
    """
    found: dict[str, _Floats] = {}
    for name in graph.inputs:
        line = np.linspace(*input_range, QUANTILES)
        found[name] = np.repeat(line[:, None], _channels(graph, name), axis=1)
    for operation in graph.operations:
        if operation.output in known:
            statistics = known[operation.output]
            values = _normal(statistics.mean, statistics.deviation, REACH_TOLD)
        else:
            values = _expected(operation, graph, found)
        found[operation.output] = _clamped(values, operation)
    return found


def behind_clamps(
    graph: FloatGraph, known: Mapping[str, ChannelStatistics]
) -> dict[str, ChannelStatistics]:
    """Return the statistics, also by the name of a clamp's output, which it has once it is fused.

    `graph` is the one that they were told of, before any pass.
    """
    found = dict(known)
    for operation in graph.operations:
        if isinstance(operation, Activate) and operation.input in found:
            found[operation.output] = found[operation.input]
    return found


def expected_calibration(quantiles: Quantiles) -> Calibration:
    """Return the quantiles as if they had been seen, on no sample."""
    seen = {n: histogram_of(values.astype(np.float32), n) for n, values in quantiles.items()}
    return Calibration(seen, 0)


def expected_means(quantiles: Quantiles) -> dict[str, _Floats]:
    """Return the mean of each channel, (C,) by name."""
    return {name: _mean(values) for name, values in quantiles.items()}


def _normal(mean: _Floats, deviation: _Floats, reach: float = REACH_RECKONED) -> _Floats:
    """Return quantiles of normal distributions, (Q, C); the outermost stand for what is rare."""
    inner = [NormalDist().inv_cdf((i + 0.5) / QUANTILES) for i in range(QUANTILES)]
    inner[0], inner[-1] = -reach, reach
    return np.asarray(mean + np.array(inner)[:, None] * deviation)


def _mean(values: _Floats) -> _Floats:
    return np.asarray(values[1:-1].mean(axis=0))


def _variance(values: _Floats) -> _Floats:
    return np.asarray(values[1:-1].var(axis=0))  # the outermost are wider than their share


def _expected(operation: Operation, graph: FloatGraph, found: Quantiles) -> _Floats:
    """Return the quantiles of what an operation makes, before its clamp."""
    if isinstance(operation, _Weighted):
        return _weighted(operation, graph, found)
    if isinstance(operation, Add | Sub | Mul | Minimum | Maximum):
        return _of_pair(operation, graph, found)
    if isinstance(operation, _OfOneValue):
        return _of_one_value(operation, graph, found)
    if isinstance(operation, Concat):
        return _joined(operation, graph, found)
    values = found[input_names(operation)[0]]
    if isinstance(operation, Mean):
        middle = _mean(values)
        values = middle + MEANED_DEVIATION * (values - middle)
    if isinstance(operation, Slice):
        stop = operation.starts[-1] + operation.sizes[-1] * operation.steps[-1]
        indices = np.arange(operation.starts[-1], stop, operation.steps[-1])
        return values[:, indices]
    if isinstance(operation, Gather) and operation.axis == _rank(graph, operation.input) - 1:
        return values[:, list(operation.indices)]
    return _with_channels(values, _channels(graph, operation.output))


def _weighted(operation: _Weighted, graph: FloatGraph, found: Quantiles) -> _Floats:
    weight = graph.constants[operation.weight].astype(np.float64)
    values = found[operation.input]
    mean, variance = _mean(values), _variance(values)
    if isinstance(operation, DepthwiseConv2D):
        repeats = weight.shape[3] // len(mean)
        mean, variance = np.repeat(mean, repeats), np.repeat(variance, repeats)
        window = weight.reshape(-1, weight.shape[3])
        middle = mean * window.sum(axis=0)
        power = variance * np.maximum((window**2).sum(axis=0), window.sum(axis=0) ** 2)
    else:
        taps = weight.reshape(len(weight), -1, len(mean))
        middle = (taps.sum(axis=1) * mean).sum(axis=1)
        alone, alike = (taps**2).sum(axis=1), taps.sum(axis=1) ** 2
        power = np.maximum((alone * variance).sum(axis=1), (alike * variance).sum(axis=1))
    if operation.bias is not None:
        middle = middle + graph.constants[operation.bias]
    return _normal(middle, np.sqrt(power))


def _of_pair(
    operation: Add | Sub | Mul | Minimum | Maximum, graph: FloatGraph, found: Quantiles
) -> _Floats:
    channels = _channels(graph, operation.output)
    left, right = (
        _with_channels(_constant(graph.constants[name]), channels)
        if name in graph.constants
        else _with_channels(found[name], channels)
        for name in (operation.left, operation.right)
    )
    match operation:
        case Minimum():
            return np.minimum(left, right)
        case Maximum():
            return np.maximum(left, right)
        case Mul():
            mean = _mean(left) * _mean(right)
            powers = _mean(left**2) * _mean(right**2)
            return _normal(mean, np.sqrt(np.maximum(powers - mean**2, 0.0)))
        case Add() | Sub():
            sign = 1.0 if isinstance(operation, Add) else -1.0
            mean = _mean(left) + sign * _mean(right)
            return _normal(mean, np.sqrt(_variance(left) + _variance(right)))


def _of_one_value(operation: _OfOneValue, graph: FloatGraph, found: Quantiles) -> _Floats:
    values = found[operation.input].astype(np.float32)
    if isinstance(operation, Prelu):
        slope = graph.constants[operation.slope]
        by_channel = slope.reshape(-1, slope.shape[-1]).mean(axis=0) if slope.ndim else slope
        return np.where(values >= 0, values, values * by_channel).astype(np.float64)
    made = execute_float_operation(operation, graph, {operation.input: values})
    return np.sort(made.astype(np.float64), axis=0)


def _joined(operation: Concat, graph: FloatGraph, found: Quantiles) -> _Floats:
    parts = [
        _constant(graph.constants[name]) if name in graph.constants else found[name]
        for name in operation.inputs
    ]
    if operation.axis == _rank(graph, operation.output) - 1:
        return np.concatenate(parts, axis=1)
    stacked = np.sort(np.concatenate(parts), axis=0)
    return stacked[np.linspace(0, len(stacked) - 1, QUANTILES).astype(np.int64)]


def _constant(values: Array) -> _Floats:
    """Return the quantiles of a constant, of each of its channels, (Q, C)."""
    rows = values.astype(np.float64).reshape(-1, values.shape[-1] if values.ndim else 1)
    chosen = np.linspace(0, len(rows) - 1, QUANTILES).astype(np.int64)
    return np.asarray(np.sort(rows, axis=0)[chosen])


def _with_channels(values: _Floats, channels: int) -> _Floats:
    """Return the quantiles for so many channels: those of all mixed where their number changed."""
    return values if values.shape[1] == channels else np.repeat(_mixed(values), channels, axis=1)


def _mixed(values: _Floats) -> _Floats:
    every = np.sort(values, axis=None)
    return every[np.linspace(0, every.size - 1, QUANTILES).astype(np.int64)][:, None]


def _clamped(values: _Floats, operation: Operation) -> _Floats:
    match getattr(operation, "activation", Activation.NONE):
        case Activation.RELU:
            return np.maximum(values, 0.0)
        case Activation.RELU6:
            return np.clip(values, 0.0, 6.0)
        case _:
            return values


def _channels(graph: FloatGraph, name: str) -> int:
    return graph.tensors[name].shape[-1]


def _rank(graph: FloatGraph, name: str) -> int:
    return len(graph.tensors[name].shape)
