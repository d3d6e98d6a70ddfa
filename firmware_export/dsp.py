"""The dsp tier: weights laid out for cores with SMLAD, Cortex-M4, M7 and M33 (edge_types.h)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from firmware_export.c_text import Initial
from firmware_export.parameters import Parameters
from quantize.ir.graph import Array

LARGEST_CODE = 128  # of an int8, without its sign
LARGEST_WEIGHT = 127  # so that 256 * x + y is an int16
TWIN_LIMIT = 1 << 23  # of a sum that is carried 256 times as large
DOUBLED_LIMIT = 1 << 30  # of a sum that is carried twice as large
POINTER_BYTES = 8  # of a 64-bit host, where the same code must run
Words = npt.NDArray[np.int32]
_Value = TypeVar("_Value", bound=np.generic)


def conv_dsp_parameters(plain: Parameters) -> Parameters:
    """Return the dsp kernel of a convolution, `plain` itself where that cannot take it."""
    if plain.kernel == "edge_conv_s8":
        return _conv(plain)
    return _depthwise(plain)


def dense_dsp_parameters(plain: Parameters) -> Parameters:
    """Return the dsp kernel of a fully connected layer, `plain` where that cannot take it."""
    rows = plain.arrays["weight"]
    if not (_fits_twins(rows) and (finish := _finish(plain, rows))):
        return plain
    arrays = {
        "weight": dense_words(rows),
        "bias": _filled(finish.bias, 4),
        "multiplier": finish.multiplier,
        "exponent": finish.exponent,
    }
    if plain.fields["is_per_channel"]:
        arrays |= {key: _filled(arrays[key], 4) for key in ("multiplier", "exponent")}
    name = "edge_fully_connected_dsp"
    return Parameters(f"{name}_s8", f"{name}_t", plain.fields, arrays)


def conv_words(rows: Array) -> Words:
    """Return weights (O, K) as twins, (O / 2, K / 4, 2), both rounded up and filled with 0."""
    filled = np.zeros((_up(len(rows), 2), _up(rows.shape[1], 4)), np.int32)
    filled[: len(rows), : rows.shape[1]] = rows
    halves = 256 * filled[0::2] + filled[1::2]
    values = halves.reshape(len(halves), -1, 2, 2)  # (…, 0 or 2 on, even or odd)
    low, high = values[:, :, 0], values[:, :, 1]
    return (low & 0xFFFF) | (high << 16)


def dense_words(rows: Array) -> Words:
    """Return weights (O, I) as twins, (O / 4, I / 4, 2 pairs of rows, 2), filled with 0."""
    filled = np.zeros((_up(len(rows), 4), rows.shape[1]), np.int8)
    filled[: len(rows)] = rows
    words = conv_words(filled)
    fours = words.reshape(len(words) // 2, 2, -1, 2)
    return np.ascontiguousarray(fours.transpose(0, 2, 1, 3))


def depthwise_words(weight: Array) -> Words:
    """Return weights (KH, KW, C) as words of four channels each, (C / 4, KH * KW)."""
    channels = weight.shape[2]
    taps = weight.reshape(-1, channels // 4, 4).transpose(1, 0, 2)
    words = np.ascontiguousarray(taps, np.int8).view("<i4")
    return words.reshape(channels // 4, -1).astype(np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class _Finish:
    """How accumulators become codes: (O,) each, or (1,) for the last two."""

    bias: Words
    multiplier: Words
    exponent: npt.NDArray[np.int8]


def _conv(plain: Parameters) -> Parameters:
    weight = plain.arrays["weight"]
    rows = weight.reshape(len(weight), -1)
    if not (_fits_twins(rows) and (finish := _finish(plain, rows))):
        return plain
    arrays: dict[str, Array] = {
        "weight": conv_words(rows),
        "bias": _filled(finish.bias, 2),
        "multiplier": _filled(finish.multiplier, 2),
        "exponent": _filled(finish.exponent, 2),
    }
    scratch_bytes = 5 * _up(rows.shape[1], 4)  # two pixels as int16, one as int8
    return Parameters(
        "edge_conv_dsp_s8",
        "edge_conv_dsp_t",
        {"shape": plain.fields},
        arrays,
        scratch_bytes=scratch_bytes,
    )


def _depthwise(plain: Parameters) -> Parameters:
    weight = plain.arrays["weight"]
    taps, channels = weight.shape[0] * weight.shape[1], weight.shape[2]
    is_plain = channels % 4 == 0 and _input_channels(plain.fields) == channels
    if not (is_plain and (finish := _finish(plain, weight.reshape(taps, channels).T))):
        return plain
    arrays: dict[str, Array] = {
        "weight": depthwise_words(weight),
        "bias": finish.bias,
        "multiplier": finish.multiplier,
        "exponent": finish.exponent,
    }
    return Parameters(
        "edge_depthwise_conv_dsp_s8",
        "edge_conv_dsp_t",
        {"shape": plain.fields},
        arrays,
        scratch_bytes=taps * POINTER_BYTES + channels,
    )


def _input_channels(fields: Mapping[str, Initial]) -> Initial:
    image = fields["input"]
    assert isinstance(image, tuple)
    channels: Initial = image[2]
    return channels


def _fits_twins(rows: Array) -> bool:
    sums = LARGEST_CODE * np.abs(rows.astype(np.int64)).sum(1)
    return bool(rows.min() >= -LARGEST_WEIGHT and sums.max() < TWIN_LIMIT)


def _finish(plain: Parameters, rows: Array) -> _Finish | None:
    """Return what the kernels read, None where it cannot be said that way."""
    multiplier, shift = plain.arrays["multiplier"], plain.arrays["shift"]
    bias = plain.arrays["bias"].astype(np.int64)
    exponent = np.where(multiplier == 0, 1, -shift.astype(np.int64))
    largest = abs(bias) + LARGEST_CODE * np.abs(rows.astype(np.int64)).sum(1)
    if exponent.min() < 1 or largest.max() >= DOUBLED_LIMIT:
        return None
    return _Finish(
        (2 * bias).astype(np.int32), multiplier.astype(np.int32), exponent.astype(np.int8)
    )


def _filled(values: npt.NDArray[_Value], multiple: int) -> npt.NDArray[_Value]:
    """Return values filled up to a whole multiple; what an output that is none would use."""
    spare = _up(len(values), multiple) - len(values)
    return np.concatenate([values, np.ones(spare, values.dtype)])


def _up(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple
