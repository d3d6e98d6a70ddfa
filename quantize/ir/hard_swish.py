"""Hard swish in the 16-bit fixed point of TFLite: its factors, its limits, its codes.

x * relu6(x + 3) / 6 is computed as x, in a fine scale, times a share in [0, 1] that is x over 3
with everything beyond cut off. Both are 16 bits wide; shares of 2**15 are 1.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.ir.fixed_point import Requant, divide_by_power_of_two, quantize_factor

Codes: TypeAlias = npt.NDArray[np.int64]

INT16_MIN, INT16_MAX = -(2**15), 2**15 - 1
FINE_BITS = 7  # the input's codes are shifted so far to the left
LEAST_RATIO, MOST_RATIO = 2.0**-7, 2.0**7  # of the scales: 16-bit words shift no further
LEAST_INPUT_SCALE, MOST_INPUT_SCALE = 2.0**-20, 2.0**16
_SHARE_SCALE = 3.0 / 32768.0


@dataclass(frozen=True, slots=True)
class HardSwishParams:
    """Factors whose multipliers are Q0.15.

    Attributes:
        output: From the fine scale to the output's; shift in [-14, 0].
        share: From the fine scale to shares, 2**15 being 1; shift in [-14, 30].
    """

    output: Requant
    share: Requant


def hard_swish_params(input_scale: float, output_scale: float) -> HardSwishParams:
    """Return the factors; float32 is what the reference divides in.

    Source: TFLite Micro `HardSwishPrepare` (tensorflow/lite/micro/kernels/hard_swish_common.cc).
    """
    fine = np.float32(1.0 / 2**FINE_BITS) * np.float32(input_scale)
    output = quantize_factor(float(fine / np.float32(output_scale)))
    share = quantize_factor(float(fine / np.float32(_SHARE_SCALE)))
    return HardSwishParams(_narrow(output), _narrow(share))


def hard_swish_fault(input_scale: float, output_scale: float) -> str | None:
    """Return why 16 bits cannot say these scales, None where they can."""
    if not LEAST_RATIO <= input_scale / output_scale < MOST_RATIO:
        return (
            f"input scale over output scale is {input_scale / output_scale:g}, "
            f"allowed [{LEAST_RATIO:g}, {MOST_RATIO:g})"
        )
    if not LEAST_INPUT_SCALE <= input_scale <= MOST_INPUT_SCALE:
        return f"input scale {input_scale:g}, allowed {LEAST_INPUT_SCALE:g} to {MOST_INPUT_SCALE:g}"
    return None


def hard_swish_codes(centred: Codes, params: HardSwishParams) -> Codes:
    """Return the output's codes less its zero point, of the input's codes less theirs.

    Source: TFLite `HardSwish` (tensorflow/lite/kernels/internal/reference/hard_swish.h).
    """
    fine = centred << FINE_BITS
    value = _rounded_high_product(fine, params.output.multiplier)
    share = (_share(fine, params.share) + 2**15) >> 1  # of [-1, 1] to [0, 1]
    product = share * value
    truncated = np.sign(product) * (np.abs(product) >> 15)  # as C divides
    return divide_by_power_of_two(truncated, -params.output.shift)


def _share(fine: Codes, factor: Requant) -> Codes:
    """Return x / 3 in [-1, 1] as Q0.15: the last step to the left is the one that saturates."""
    if factor.shift <= 0:
        high = _rounded_high_product(fine, factor.multiplier)
        return divide_by_power_of_two(high, -factor.shift)
    wide = _int16(fine << (factor.shift - 1))
    return _int16(_rounded_high_product(wide, factor.multiplier) << 1)


def _rounded_high_product(value: Codes, multiplier: int) -> Codes:
    """Source: gemmlowp `SaturatingRoundingDoublingHighMul` of int16; multipliers are positive."""
    return (value * multiplier + 2**14) >> 15


def _int16(value: Codes) -> Codes:
    return np.clip(value, INT16_MIN, INT16_MAX)


def _narrow(requant: Requant) -> Requant:
    """Return a factor with a Q0.15 multiplier, saturated.

    Source: TFLite `DownScaleInt32ToInt16Multiplier` (tflite/kernels/internal/common.h).
    """
    return Requant(min((requant.multiplier + 2**15) >> 16, INT16_MAX), requant.shift)
