"""The mve tier: weights laid out for cores with Helium, Cortex-M55 and M85 (edge_types.h)."""

import numpy as np
import numpy.typing as npt

from firmware_export.dsp import LayerRows, input_channels, prepared, round_up
from firmware_export.parameters import Fields, Parameters
from firmware_export.weighted_parameters import POINTER_BYTES, is_pointwise
from quantize.ir.graph import Array

VECTOR = 16  # int8 values
LANES = 4  # int32 sums
LARGEST_WEIGHT = 127  # so that two products are an int16


def conv_mve_parameters(plain: Parameters) -> Parameters:
    """Return the mve kernel of a convolution, `plain` itself where that cannot take it.

    A depthwise convolution of one input channel is a convolution.
    """
    weight = plain.arrays["weight"]
    if plain.kernel == "edge_conv_s8":
        return _conv(plain, weight.reshape(len(weight), -1))
    channels = weight.shape[2]
    rows = weight.reshape(-1, channels).T
    inputs = input_channels(plain)
    if inputs == 1:
        return _conv(plain, rows)
    return _depthwise(plain, rows) if inputs == channels else plain


def dense_mve_parameters(plain: Parameters) -> Parameters:
    """Return the mve kernel of a fully connected layer, `plain` where that cannot take it.

    With a scale for each output it is a convolution of one pixel.
    """
    layer = prepared(plain, plain.arrays["weight"])
    if layer is None:
        return plain
    if plain.fields["is_per_channel"]:
        return _with_shape(_pixel(plain.fields), "edge_pointwise_conv_mve_s8", _conv_arrays(layer))
    fields = {
        **plain.fields,
        "multiplier": int(layer.multiplier[0]),
        "shift": -int(layer.exponent[0]),
    }
    spare = round_up(len(layer.bias), LANES) - len(layer.bias)
    arrays: dict[str, Array] = {
        "weight": conv_rows(layer.rows),
        "bias": np.pad(layer.bias, (0, spare)).astype(np.int32),
    }
    name = "edge_fully_connected_mve"
    return Parameters(f"{name}_s8", f"{name}_t", fields, arrays)


def conv_rows(rows: Array) -> npt.NDArray[np.int8]:
    """Return weights (O, K) as (O / 4, K / 16, 4, 16), both rounded up and filled with 0."""
    filled = np.zeros((round_up(len(rows), LANES), round_up(rows.shape[1], VECTOR)), np.int8)
    filled[: len(rows), : rows.shape[1]] = rows
    fours = filled.reshape(len(filled) // LANES, LANES, -1, VECTOR)
    return np.ascontiguousarray(fours.transpose(0, 2, 1, 3))


def depthwise_rows(rows: Array) -> npt.NDArray[np.int8]:
    """Return weights (C, taps) as (C / 16, taps, 16), channels rounded up and filled with 0."""
    filled = np.zeros((round_up(len(rows), VECTOR), rows.shape[1]), np.int8)
    filled[: len(rows)] = rows
    return np.ascontiguousarray(filled.reshape(-1, VECTOR, rows.shape[1]).transpose(0, 2, 1))


def repeated(layer: LayerRows) -> LayerRows:
    """Return the layer with its channels as often as they fit a vector, so for several pixels."""
    times = max(1, VECTOR // len(layer.rows))
    return LayerRows(
        np.tile(layer.rows, (times, 1)),
        np.tile(layer.bias, times),
        np.tile(layer.multiplier, times),
        np.tile(layer.exponent, times),
    )


def finish_words(layer: LayerRows, order: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Return (O / 4, 9): biases, multipliers, and the shifts in one word, channels in an order.

    A channel that the layer does not have gets zeros and a shift of -1.
    """
    spare = (0, len(order) - len(layer.bias))
    bias = np.pad(layer.bias, spare)[order].reshape(-1, LANES)
    multiplier = np.pad(layer.multiplier, spare)[order].reshape(-1, LANES)
    shift = -np.pad(layer.exponent, spare, constant_values=1)[order].reshape(-1, LANES)
    word = np.ascontiguousarray(shift, np.int8).view("<i4")
    return np.concatenate((bias, multiplier, word), axis=1).astype(np.int32)


def depthwise_words(layer: LayerRows) -> npt.NDArray[np.int32]:
    """Return (C / 16, 36): 16 shifts, four a word, 16 biases, 16 multipliers."""
    plain = finish_words(layer, depthwise_order(len(layer.bias))).reshape(-1, LANES, 9)
    shifts, biases, multipliers = plain[:, :, 8], plain[:, :, :4], plain[:, :, 4:8]
    blocks = (shifts, biases.reshape(-1, VECTOR), multipliers.reshape(-1, VECTOR))
    return np.concatenate(blocks, axis=1)


def depthwise_order(channels: int) -> npt.NDArray[np.int64]:
    """Return the channels as widening to int32 leaves them: 0, 4, 8, 12, 1, 5 and so on."""
    blocks = np.arange(round_up(channels, VECTOR)).reshape(-1, LANES, LANES)
    return blocks.transpose(0, 2, 1).reshape(-1)


def _conv(plain: Parameters, rows: Array) -> Parameters:
    layer = prepared(plain, rows)
    if layer is None:
        return plain
    arrays = _conv_arrays(layer)
    if is_pointwise(plain.fields):
        return _with_shape(plain.fields, "edge_pointwise_conv_mve_s8", arrays)
    return _with_shape(plain.fields, "edge_conv_mve_s8", arrays, rows.shape[1])


def _conv_arrays(layer: LayerRows) -> dict[str, Array]:
    order = np.arange(round_up(len(layer.bias), LANES))
    return {"weight": conv_rows(layer.rows), "finish": finish_words(layer, order)}


def _depthwise(plain: Parameters, rows: Array) -> Parameters:
    layer = prepared(plain, rows)
    if layer is None or layer.rows.min() < -LARGEST_WEIGHT:
        return plain
    channels, taps = rows.shape
    tables = repeated(layer)
    arrays: dict[str, Array] = {
        "weight": depthwise_rows(tables.rows),
        "finish": depthwise_words(tables),
    }
    scratch_bytes = taps * POINTER_BYTES + channels
    return _with_shape(plain.fields, "edge_depthwise_conv_mve_s8", arrays, scratch_bytes)


def _pixel(dense: Fields) -> Fields:
    """Return a fully connected layer as a convolution of one pixel."""
    return {
        "input": (1, 1, dense["input_size"]),
        "output": (1, 1, dense["output_size"]),
        "kernel_height": 1,
        "kernel_width": 1,
        "stride_height": 1,
        "stride_width": 1,
        "dilation_height": 1,
        "dilation_width": 1,
        "pad_top": 0,
        "pad_left": 0,
        "input_zero_point": 0,  # not read
        "output_zero_point": dense["output_zero_point"],
        "activation_min": dense["activation_min"],
        "activation_max": dense["activation_max"],
    }


def _with_shape(
    shape: Fields, kernel: str, arrays: dict[str, Array], scratch_bytes: int = 0
) -> Parameters:
    fields = {"shape": shape}
    return Parameters(kernel, "edge_conv_mve_t", fields, arrays, scratch_bytes=scratch_bytes)
