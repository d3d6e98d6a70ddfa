"""The dsp tier: weights laid out for cores with SMLAD, Cortex-M4, M7 and M33 (edge_types.h)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_export.parameters import Parameters
from firmware_export.weighted_parameters import POINTER_BYTES
from quantize.ir.fixed_point import requantize, requantize_once
from quantize.ir.graph import Array
from quantize.ir.integer_params import CODE_MAX, CODE_MIN

LARGEST_CODE = 128  # of an int8, without its sign
LARGEST_WEIGHT = 127  # so that 256 * x + y is an int16
TWIN_LIMIT = 1 << 23  # of a sum that is carried 256 times as large
DOUBLED_LIMIT = 1 << 30  # of a sum that is carried twice as large
Words = npt.NDArray[np.int32]


def conv_dsp_parameters(plain: Parameters) -> Parameters:
    """Return the dsp kernel of a convolution, `plain` itself where that cannot take it.

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
    return _depthwise(plain, rows) if inputs == channels and channels % 4 == 0 else plain


def dense_dsp_parameters(plain: Parameters) -> Parameters:
    """Return the dsp kernel of a fully connected layer, `plain` where that cannot take it."""
    layer = prepared(plain, plain.arrays["weight"])
    if layer is None or not layer.fits_twins():
        return plain
    name = "edge_fully_connected_dsp"
    arrays = {"weight": dense_words(layer.rows), **layer.finish(4)}
    return Parameters(f"{name}_s8", f"{name}_t", plain.fields, arrays)


def conv_words(rows: Array) -> Words:
    """Return weights (O, K) as twins, (O / 2, K / 4, 2), both rounded up and filled with 0."""
    filled = np.zeros((round_up(len(rows), 2), round_up(rows.shape[1], 4)), np.int32)
    filled[: len(rows), : rows.shape[1]] = rows
    halves = 256 * filled[0::2] + filled[1::2]
    values = halves.reshape(len(halves), -1, 2, 2)  # (…, first or second half, even or odd)
    return (values[:, :, 0] & 0xFFFF) | (values[:, :, 1] << 16)


def dense_words(rows: Array) -> Words:
    """Return weights (O, I) as twins, (O / 4, I / 4, 2 pairs of rows, 2), filled with 0."""
    filled = np.zeros((round_up(len(rows), 4), rows.shape[1]), np.int32)
    filled[: len(rows)] = rows
    words = conv_words(filled)
    fours = words.reshape(len(words) // 2, 2, -1, 2)
    return np.ascontiguousarray(fours.transpose(0, 2, 1, 3))


def depthwise_words(rows: Array) -> Words:
    """Return weights (C, taps) as words of four channels each, (C / 4, taps)."""
    fours = rows.reshape(len(rows) // 4, 4, -1).transpose(0, 2, 1)
    words = np.ascontiguousarray(fours, np.int8).view("<i4")
    return words[:, :, 0].astype(np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class LayerRows:
    """What the kernels read, before it is packed; int64.

    Attributes:
        rows: (O, K), the weights that make each output channel.
        bias: (O,) the input zero point folded in.
        multiplier: (O,) or (1,).
        exponent: As `multiplier`, in [1, 31].
    """

    rows: npt.NDArray[np.int64]
    bias: npt.NDArray[np.int64]
    multiplier: npt.NDArray[np.int64]
    exponent: npt.NDArray[np.int64]

    def reach(self) -> npt.NDArray[np.int64]:
        """Return how far any input moves each sum from its bias, (O,)."""
        reach: npt.NDArray[np.int64] = LARGEST_CODE * abs(self.rows).sum(1)
        return reach

    def fits_twins(self) -> bool:
        """Tell whether two rows of weights may share their words."""
        return bool(self.rows.min() >= -LARGEST_WEIGHT and self.reach().max() < TWIN_LIMIT)

    def finish(self, multiple: int) -> dict[str, Array]:
        """Return bias, multiplier and exponent, filled up for a whole multiple of channels."""
        spare = round_up(len(self.bias), multiple) - len(self.bias)
        scales = spare if len(self.multiplier) == len(self.bias) else 0
        return {
            "bias": np.pad(2 * self.bias, (0, spare)).astype(np.int32),
            "multiplier": np.pad(self.multiplier, (0, scales)).astype(np.int32),
            "exponent": np.pad(self.exponent, (0, scales), constant_values=1).astype(np.int8),
        }

    def finish_words(self, multiple: int) -> Words:
        """Return (O / multiple, 2 * multiple + 1): biases, multipliers, exponents in one word."""
        arrays = self.finish(multiple)
        bias, multiplier = (arrays[key].reshape(-1, multiple) for key in ("bias", "multiplier"))
        shifts = np.arange(multiple) * 8
        exponents = arrays["exponent"].reshape(-1, multiple).astype(np.int32) << shifts
        words = (bias, multiplier, exponents.sum(1, keepdims=True))
        return np.concatenate(words, axis=1).astype(np.int32)


def _conv(plain: Parameters, rows: Array) -> Parameters:
    layer = prepared(plain, rows)
    if layer is None or not layer.fits_twins():
        return plain
    arrays: dict[str, Array] = {"weight": conv_words(layer.rows), "finish": layer.finish_words(2)}
    scratch_bytes = 5 * round_up(rows.shape[1], 4)  # two pixels as int16, one as int8
    return _with_shape(plain, "edge_conv_dsp_s8", arrays, scratch_bytes)


def _depthwise(plain: Parameters, rows: Array) -> Parameters:
    layer = prepared(plain, rows)
    if layer is None:
        return plain
    arrays: dict[str, Array] = {
        "weight": depthwise_words(layer.rows),
        "finish": layer.finish_words(4),
    }
    channels, taps = rows.shape
    scratch_bytes = taps * POINTER_BYTES + channels
    return _with_shape(plain, "edge_depthwise_conv_dsp_s8", arrays, scratch_bytes)


def _with_shape(
    plain: Parameters, kernel: str, arrays: dict[str, Array], scratch_bytes: int
) -> Parameters:
    fields = {"shape": plain.fields}
    return Parameters(kernel, "edge_conv_dsp_t", fields, arrays, scratch_bytes=scratch_bytes)


def input_channels(plain: Parameters) -> int:
    """Return how many channels a convolution reads."""
    image = plain.fields["input"]
    assert isinstance(image, tuple)
    channels = image[2]
    assert isinstance(channels, int)
    return channels


def prepared(plain: Parameters, rows: Array) -> LayerRows | None:
    """Return what the kernels read of a layer, None where it cannot be said that way."""
    exponent = np.where(plain.arrays["multiplier"] == 0, 1, -plain.arrays["shift"].astype(np.int64))
    if exponent.min() < 1:
        return None
    layer = LayerRows(
        rows.astype(np.int64),
        plain.arrays["bias"].astype(np.int64),
        plain.arrays["multiplier"].astype(np.int64),
        exponent,
    )
    zero_point = plain.fields["output_zero_point"]
    assert isinstance(zero_point, int)
    if len(layer.multiplier) == len(layer.bias):
        layer = _settled(layer, zero_point)
    return layer if (abs(layer.bias) + layer.reach()).max() < DOUBLED_LIMIT else None


def _settled(layer: LayerRows, zero_point: int) -> LayerRows:
    """Return the layer with no weights, and a bias in reach, where a channel has but one code.

    Converters give a channel that died in training a bias of about 2**30, and a factor so small
    that all its sums become one code, however factors are rounded.
    """
    codes = [
        np.clip(rescale(sums, layer.multiplier, -layer.exponent) + zero_point, CODE_MIN, CODE_MAX)
        for sums in (layer.bias - layer.reach(), layer.bias + layer.reach())
        for rescale in (requantize, requantize_once)
    ]
    is_settled = np.all([other == codes[0] for other in codes], axis=0)  # both are monotone
    return LayerRows(
        np.where(is_settled[:, None], 0, layer.rows),
        np.where(is_settled, 4 * (codes[0] - zero_point), layer.bias),
        np.where(is_settled, 1 << 30, layer.multiplier),  # over 2, twice: a quarter
        np.where(is_settled, 1, layer.exponent),
    )


def round_up(count: int, multiple: int) -> int:
    """Return the next multiple, `count` itself where it is one."""
    return -(-count // multiple) * multiple
