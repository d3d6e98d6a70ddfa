from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from firmware_export.calls import kernel_calls
from firmware_export.dsp import prepared
from firmware_export.mve import (
    conv_mve_parameters,
    conv_rows,
    dense_mve_parameters,
    depthwise_order,
    depthwise_rows,
    depthwise_words,
    finish_words,
    repeated,
)
from firmware_export.parameters import Parameters
from firmware_export.target import Tier
from tests.firmware_export.int_graphs import EVERY_OPERATION


def dense(weight: Any, **arrays: Any) -> Parameters:
    count = len(weight)
    given = {"bias": [0] * count, "multiplier": [1 << 30] * count, "shift": [-1] * count, **arrays}
    return Parameters(
        "edge_fully_connected_s8",
        "edge_fully_connected_t",
        {"is_per_channel": 1, "output_zero_point": 5},
        {
            "weight": np.array(weight, np.int8),
            "bias": np.array(given["bias"], np.int32),
            "multiplier": np.array(given["multiplier"], np.int32),
            "shift": np.array(given["shift"], np.int8),
        },
    )


def test_four_rows_lie_together_sixteen_values_at_a_time() -> None:
    rows = np.arange(5 * 17, dtype=np.int8).reshape(5, 17)

    packed = conv_rows(rows)

    assert packed.shape == (2, 2, 4, 16)
    np.testing.assert_array_equal(packed[0, 0], rows[:4, :16])
    assert packed[0, 1, :, 0].tolist() == rows[:4, 16].tolist()
    assert not packed[0, 1, :, 1:].any()
    np.testing.assert_array_equal(packed[1, 0, 0], rows[4, :16])
    assert not packed[1, :, 1:].any()


def test_depthwise_weights_lie_tap_by_tap() -> None:
    packed = depthwise_rows(np.arange(17 * 3, dtype=np.int8).reshape(17, 3))

    assert packed.shape == (2, 3, 16)
    assert packed[0, 1].tolist() == [3 * channel + 1 for channel in range(16)]
    assert packed[1, 2].tolist() == [50] + [0] * 15


def test_depthwise_channels_are_finished_as_widening_leaves_them() -> None:
    assert depthwise_order(9).tolist()[:6] == [0, 4, 8, 12, 1, 5]
    assert sorted(depthwise_order(20)) == list(range(32))


def test_few_depthwise_channels_are_repeated_for_the_next_pixels() -> None:
    plain = dense([[1], [2], [3], [4], [5]], bias=[1, 2, 3, 4, 5])
    layer = prepared(plain, plain.arrays["weight"])
    assert layer is not None

    tables = repeated(layer)

    assert tables.rows[:, 0].tolist() == 3 * layer.rows[:, 0].tolist()
    assert tables.bias.tolist() == 3 * layer.bias.tolist()
    assert repeated(tables).bias.tolist() == tables.bias.tolist()


def test_sixteen_depthwise_channels_have_shifts_then_biases_then_multipliers() -> None:
    plain = dense([[1]] * 17, bias=list(range(100, 117)), shift=[-1 - i for i in range(17)])
    layer = prepared(plain, plain.arrays["weight"])
    assert layer is not None

    words = depthwise_words(layer)

    assert words.shape == (2, 36)
    assert words[0, 4:9].tolist() == layer.bias[[0, 4, 8, 12, 1]].tolist()
    assert words[0, 20:22].tolist() == layer.multiplier[[0, 4]].tolist()
    assert words[1, :4].copy().view(np.int8)[1] == -1


def test_shifts_share_a_word_with_the_first_lowest() -> None:
    plain = dense([[1], [2], [3]], bias=[7, 8, 9], shift=[-1, -2, -31])
    layer = prepared(plain, plain.arrays["weight"])
    assert layer is not None

    (words,) = finish_words(layer, np.arange(4))

    assert words[:3].tolist() == [7, 8, layer.bias[2]]
    shifts = words[8:].view(np.int8).tolist()
    assert shifts[:2] == [-1, -2]
    assert shifts[3] == -1


@pytest.mark.parametrize("shift", [0, 1])
def test_a_factor_of_half_or_more_stays_generic(shift: int) -> None:
    layer = dense([[1, 2]], shift=[shift])

    assert dense_mve_parameters(layer) is layer


@pytest.mark.parametrize("name", ["depthwise_multiplier"])
def test_a_depthwise_convolution_with_a_multiplier_stays_generic(name: str) -> None:
    (call,) = kernel_calls(EVERY_OPERATION[name], Tier.MVE)

    assert call.parameters is not None
    assert call.parameters.kernel == "edge_depthwise_conv_s8"


def test_depthwise_weights_whose_products_overflow_together_stay_generic() -> None:
    (call,) = kernel_calls(EVERY_OPERATION["depthwise_same"])
    assert call.parameters is not None
    arrays = {**call.parameters.arrays}
    arrays["weight"] = np.full_like(arrays["weight"], -128)

    plain = replace(call.parameters, arrays=arrays)

    assert conv_mve_parameters(plain) is plain
