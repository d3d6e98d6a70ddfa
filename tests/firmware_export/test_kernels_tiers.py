"""The kernels of each tier in C, with tables as the exporter packs them, against sums in numpy.

On this machine the blocks of instructions are plain C; tests/c/test_dsp.c and test_mve.c run the
instructions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_export.dsp import conv_dsp_parameters, dense_dsp_parameters
from firmware_export.mve import conv_mve_parameters, dense_mve_parameters
from firmware_export.parameters import Parameters
from tests.firmware_export.fixed_point_oracle import output_codes
from tests.firmware_export.kernel_host import Field, KernelHost
from tests.firmware_export.weighted_oracle import (
    Array,
    Finish,
    Window,
    codes_of,
    conv_sums,
    depthwise_sums,
    finishes,
    sanitized,
    shape_fields,
    windows,
)

Packing = Callable[[Parameters], Parameters]


@dataclass(frozen=True, slots=True)
class TierKernels:
    """How a tier packs a layer, and what it must take.

    Attributes:
        most_inputs: Channels into a convolution; more make sums that are too large for twins.
        depthwise_channels: Into and out of a depthwise convolution.
    """

    name: str
    conv: Packing
    dense: Packing
    most_inputs: int
    depthwise_channels: tuple[int, ...]


DSP = TierKernels("dsp", conv_dsp_parameters, dense_dsp_parameters, 9, (4, 8, 12))
MVE = TierKernels("mve", conv_mve_parameters, dense_mve_parameters, 40, (2, 3, 5, 8, 16, 37))
both_tiers = pytest.mark.parametrize("tier", [DSP, MVE], ids=lambda tier: tier.name)


def plain(
    kernel: str, fields: dict[str, Any], weight: Array, folded: Array, finish: Finish
) -> Parameters:
    arrays = {
        "weight": weight,
        "bias": folded.astype(np.int32),
        "multiplier": finish.multiplier,
        "shift": finish.shift,
    }
    return Parameters(kernel, "", fields, arrays)


def run(kernels: KernelHost, parameters: Parameters, image: Array, outputs: int) -> Array:
    fields: Any = parameters.fields.get("shape", parameters.fields)
    numbers = [n for v in fields.values() for n in (v if isinstance(v, tuple) else (v,))]
    scratch: list[Field] = [parameters.scratch_bytes] if parameters.scratch_bytes else []
    name = parameters.kernel.removeprefix("edge_").removesuffix("_s8")
    return kernels(name, *numbers, *parameters.arrays.values(), image, *scratch, outputs)


@both_tiers
@sanitized
@given(windows(), windows(), st.data())
def test_convolution_equals_its_definition(
    kernels: KernelHost, tier: TierKernels, y: Window, x: Window, data: st.DataObject
) -> None:
    channels = data.draw(st.tuples(st.integers(1, tier.most_inputs), st.integers(1, 9)))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    zero_point = data.draw(st.integers(-128, 127))
    image = codes_of(rng, y.size, x.size, channels[0])
    weight = np.maximum(codes_of(rng, channels[1], y.kernel, x.kernel, channels[0]), -127)
    finish = finishes(rng, channels[1], is_extreme=False)
    folded = finish.bias - zero_point * weight.astype(np.int64).sum((1, 2, 3))

    fields = shape_fields(y, x, channels, zero_point, finish)
    packed = tier.conv(plain("edge_conv_s8", fields, weight, folded, finish))
    codes = run(kernels, packed, image, y.out * x.out * channels[1])

    sums = conv_sums(image.astype(np.int64) - zero_point, weight, y, x) + finish.bias
    wanted = output_codes(sums, finish.multiplier, finish.shift, finish.zero_point, finish.bounds)
    is_pointwise = tier is MVE and y.kernel == x.kernel == 1 and packed.scratch_bytes == 0
    assert packed.kernel == f"edge_{'pointwise_' if is_pointwise else ''}conv_{tier.name}_s8"
    np.testing.assert_array_equal(codes.reshape(wanted.shape), wanted)


def test_weights_of_minus_128_are_no_obstacle_for_helium(kernels: KernelHost) -> None:
    rng = np.random.default_rng(3)
    image, weight = codes_of(rng, 4, 4, 20), np.full((5, 3, 3, 20), -128, np.int8)
    finish = finishes(rng, 5, is_extreme=False)
    window = Window(size=4, kernel=3, stride=1, dilation=1, before=1, out=4)
    folded = finish.bias - 7 * weight.astype(np.int64).sum((1, 2, 3))

    fields = shape_fields(window, window, (20, 5), 7, finish)
    packed = conv_mve_parameters(plain("edge_conv_s8", fields, weight, folded, finish))
    codes = run(kernels, packed, image, 4 * 4 * 5)

    sums = conv_sums(image.astype(np.int64) - 7, weight, window, window) + finish.bias
    wanted = output_codes(sums, finish.multiplier, finish.shift, finish.zero_point, finish.bounds)
    assert packed.kernel == "edge_conv_mve_s8"
    np.testing.assert_array_equal(codes.reshape(wanted.shape), wanted)


@both_tiers
@sanitized
@given(windows(), windows(), st.data())
def test_depthwise_convolution_equals_its_definition(
    kernels: KernelHost, tier: TierKernels, y: Window, x: Window, data: st.DataObject
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    zero_point = data.draw(st.integers(-128, 127))
    square = [(count, count) for count in tier.depthwise_channels]
    channels = data.draw(st.sampled_from([(1, 3), *square]))
    image = codes_of(rng, y.size, x.size, channels[0])
    weight = np.maximum(codes_of(rng, y.kernel, x.kernel, channels[1]), -127)
    finish = finishes(rng, channels[1], is_extreme=False)
    folded = finish.bias - zero_point * weight.astype(np.int64).sum((0, 1))

    fields = shape_fields(y, x, channels, zero_point, finish)
    packed = tier.conv(plain("edge_depthwise_conv_s8", fields, weight, folded, finish))
    codes = run(kernels, packed, image, y.out * x.out * channels[1])

    sums = depthwise_sums(image.astype(np.int64) - zero_point, weight, y, x) + finish.bias
    wanted = output_codes(sums, finish.multiplier, finish.shift, finish.zero_point, finish.bounds)
    assert packed.kernel.startswith("edge_depthwise") == (channels[0] != 1)
    assert packed.kernel.endswith(f"conv_{tier.name}_s8")
    np.testing.assert_array_equal(codes.reshape(wanted.shape), wanted)


@both_tiers
@sanitized
@given(st.integers(1, 70), st.integers(1, 11), st.booleans(), st.data())
def test_fully_connected_equals_its_definition(
    kernels: KernelHost,
    tier: TierKernels,
    inputs: int,
    outputs: int,
    is_per_channel: bool,
    data: st.DataObject,
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    zero_point = data.draw(st.integers(-128, 127))
    row, weight = codes_of(rng, inputs), np.maximum(codes_of(rng, outputs, inputs), -127)
    finish = finishes(rng, outputs, is_extreme=False)
    if not is_per_channel:
        finish.multiplier.resize(1, refcheck=False)
        finish.shift.resize(1, refcheck=False)
    folded = finish.bias - zero_point * weight.astype(np.int64).sum(1)

    fields = {
        "input_size": inputs,
        "output_size": outputs,
        "is_per_channel": int(is_per_channel),
        "output_zero_point": finish.zero_point,
        "activation_min": finish.bounds[0],
        "activation_max": finish.bounds[1],
    }
    packed = tier.dense(plain("edge_fully_connected_s8", fields, weight, folded, finish))
    codes = run(kernels, packed, row, outputs)

    sums = weight.astype(np.int64) @ (row.astype(np.int64) - zero_point) + finish.bias
    wanted = output_codes(sums, finish.multiplier, finish.shift, finish.zero_point, finish.bounds)
    kind = "pointwise_conv" if tier is MVE and is_per_channel else "fully_connected"
    assert packed.kernel == f"edge_{kind}_{tier.name}_s8"
    np.testing.assert_array_equal(codes, wanted)
