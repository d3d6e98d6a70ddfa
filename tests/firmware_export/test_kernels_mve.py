"""The mve kernels in C, with tables as the exporter packs them, against sums in numpy.

On this machine their blocks of instructions are plain C; tests/c/test_mve.c runs the instructions.
"""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

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


@sanitized
@given(windows(), windows(), st.tuples(st.integers(1, 40), st.integers(1, 9)), st.data())
def test_convolution_equals_its_definition(
    kernels: KernelHost, y: Window, x: Window, channels: tuple[int, int], data: st.DataObject
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    zero_point = data.draw(st.integers(-128, 127))
    image = codes_of(rng, y.size, x.size, channels[0])
    weight = codes_of(rng, channels[1], y.kernel, x.kernel, channels[0])
    finish = finishes(rng, channels[1], is_extreme=False)
    folded = finish.bias - zero_point * weight.astype(np.int64).sum((1, 2, 3))

    fields = shape_fields(y, x, channels, zero_point, finish)
    packed = conv_mve_parameters(plain("edge_conv_s8", fields, weight, folded, finish))
    codes = run(kernels, packed, image, y.out * x.out * channels[1])

    sums = conv_sums(image.astype(np.int64) - zero_point, weight, y, x) + finish.bias
    wanted = output_codes(sums, finish.multiplier, finish.shift, finish.zero_point, finish.bounds)
    is_pointwise = y.kernel == x.kernel == 1 and packed.scratch_bytes == 0
    assert packed.kernel == f"edge_{'pointwise_' if is_pointwise else ''}conv_mve_s8"
    np.testing.assert_array_equal(codes.reshape(wanted.shape), wanted)


@sanitized
@given(
    windows(), windows(), st.sampled_from([(1, 3), (3, 3), (8, 8), (16, 16), (37, 37)]), st.data()
)
def test_depthwise_convolution_equals_its_definition(
    kernels: KernelHost, y: Window, x: Window, channels: tuple[int, int], data: st.DataObject
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    zero_point = data.draw(st.integers(-128, 127))
    image = codes_of(rng, y.size, x.size, channels[0])
    weight = np.maximum(codes_of(rng, y.kernel, x.kernel, channels[1]), -127)
    finish = finishes(rng, channels[1], is_extreme=False)
    folded = finish.bias - zero_point * weight.astype(np.int64).sum((0, 1))

    fields = shape_fields(y, x, channels, zero_point, finish)
    packed = conv_mve_parameters(plain("edge_depthwise_conv_s8", fields, weight, folded, finish))
    codes = run(kernels, packed, image, y.out * x.out * channels[1])

    sums = depthwise_sums(image.astype(np.int64) - zero_point, weight, y, x) + finish.bias
    wanted = output_codes(sums, finish.multiplier, finish.shift, finish.zero_point, finish.bounds)
    assert packed.kernel.startswith("edge_depthwise") == (channels[0] != 1)
    assert packed.kernel.endswith("conv_mve_s8")
    np.testing.assert_array_equal(codes.reshape(wanted.shape), wanted)


@sanitized
@given(st.integers(1, 70), st.integers(1, 11), st.booleans(), st.data())
def test_fully_connected_equals_its_definition(
    kernels: KernelHost, inputs: int, outputs: int, is_per_channel: bool, data: st.DataObject
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    zero_point = data.draw(st.integers(-128, 127))
    row, weight = codes_of(rng, inputs), codes_of(rng, outputs, inputs)
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
    packed = dense_mve_parameters(plain("edge_fully_connected_s8", fields, weight, folded, finish))
    codes = run(kernels, packed, row, outputs)

    sums = weight.astype(np.int64) @ (row.astype(np.int64) - zero_point) + finish.bias
    wanted = output_codes(sums, finish.multiplier, finish.shift, finish.zero_point, finish.bounds)
    kind = "pointwise_conv" if is_per_channel else "fully_connected"
    assert packed.kernel == f"edge_{kind}_mve_s8"
    np.testing.assert_array_equal(codes, wanted)
