from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from firmware_export.calls import kernel_calls
from firmware_export.dsp import (
    conv_dsp_parameters,
    conv_words,
    dense_dsp_parameters,
    dense_words,
    depthwise_words,
)
from firmware_export.parameters import Parameters
from firmware_export.program import plan_program
from firmware_export.provenance import Provenance
from firmware_export.source_text import source_text
from firmware_export.target import TARGETS, Tier
from tests.firmware_export.int_graphs import EVERY_OPERATION, residual_graph


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


def halves(word: int) -> tuple[int, int]:
    low = (word & 0xFFFF) - ((word & 0x8000) << 1)
    return low, word >> 16


def test_a_word_holds_two_rows_at_two_values() -> None:
    words = conv_words(np.array([[1, 2, 3, 4], [-5, 6, -127, 127]], np.int8))

    assert words.shape == (1, 1, 2)
    assert halves(int(words[0, 0, 0])) == (256 * 1 - 5, 256 * 3 - 127)
    assert halves(int(words[0, 0, 1])) == (256 * 2 + 6, 256 * 4 + 127)


def test_missing_rows_and_values_are_zero() -> None:
    words = conv_words(np.array([[1, 2, 3, 4, 5]], np.int8))

    assert words.shape == (1, 2, 2)
    assert halves(int(words[0, 1, 0])) == (256 * 5, 0)
    assert halves(int(words[0, 1, 1])) == (0, 0)


def test_four_rows_of_a_dense_layer_lie_together() -> None:
    rows = np.arange(1, 9, dtype=np.int8)[:, None] * np.ones(8, np.int8)

    words = dense_words(rows)

    assert words.shape == (2, 2, 2, 2)
    assert [halves(int(words[0, 1, pair, 0]))[0] for pair in (0, 1)] == [256 + 2, 3 * 256 + 4]
    assert halves(int(words[1, 0, 1, 1]))[1] == 7 * 256 + 8


def test_a_depthwise_word_is_four_channels_of_one_tap() -> None:
    words = depthwise_words(np.array([[1, 5], [2, 6], [3, 7], [-4, -8]], np.int8))

    assert words.tolist() == [[1 | 2 << 8 | 3 << 16 | -4 << 24, 5 | 6 << 8 | 7 << 16 | -8 << 24]]


@pytest.mark.parametrize(
    "layer",
    [
        dense([[1, -128]]),
        dense([[127] * 600]),
        dense([[1, 2]], shift=[0]),
        dense([[1, 2]], shift=[1]),
        dense([[100, 0]], bias=[(1 << 30) - 100], shift=[-30]),
    ],
    ids=["weight -128", "long sum", "factor of a half", "factor above 1", "large bias"],
)
def test_what_twins_cannot_say_stays_generic(layer: Parameters) -> None:
    assert dense_dsp_parameters(layer) is layer


def test_a_channel_with_but_one_code_needs_neither_weights_nor_its_bias() -> None:
    layer = dense([[1, 2], [3, 4]], bias=[-(1 << 30), 7], shift=[-31, -3])

    packed = dense_dsp_parameters(layer)

    assert packed.kernel == "edge_fully_connected_dsp_s8"
    assert packed.arrays["bias"].tolist() == [0, 14, 0, 0]
    assert halves(int(packed.arrays["weight"][0, 0, 0, 0]))[0] == 3


def test_a_factor_of_nothing_gets_an_exponent_that_the_core_can_shift_by() -> None:
    packed = dense_dsp_parameters(dense([[1, 2]], multiplier=[0], shift=[0]))

    assert packed.kernel == "edge_fully_connected_dsp_s8"
    assert packed.arrays["exponent"].min() >= 1


def test_a_depthwise_convolution_of_one_channel_is_a_convolution() -> None:
    (call,) = kernel_calls(EVERY_OPERATION["depthwise_same"])
    assert call.parameters is not None
    fields = {**call.parameters.fields, "input": (9, 8, 1)}
    arrays = {**call.parameters.arrays}
    arrays["weight"] = np.maximum(arrays["weight"], -127)

    packed = conv_dsp_parameters(replace(call.parameters, fields=fields, arrays=arrays))

    assert packed.kernel == "edge_conv_dsp_s8"


@pytest.mark.parametrize("name", ["depthwise_multiplier"])
def test_a_depthwise_convolution_that_fills_no_words_stays_generic(name: str) -> None:
    (call,) = kernel_calls(EVERY_OPERATION[name], Tier.DSP)

    assert call.parameters is not None
    assert call.parameters.kernel == "edge_depthwise_conv_s8"


def test_scratch_memory_never_meets_what_is_alive() -> None:
    program = plan_program(residual_graph(), replace(TARGETS["cortex-m4"], tier=Tier.DSP), "m")
    scratched = [call for call in program.calls if program.scratch_offset(call) is not None]

    for call in scratched:
        assert call.parameters is not None
        start = program.scratch_offset(call)
        assert start is not None
        end = start + call.parameters.scratch_bytes
        assert end <= program.arena.size_bytes
        for name in (*call.inputs, call.output):
            first = program.offset(name)
            assert end <= first or first + program.size_bytes(name) <= start


def test_a_call_hands_scratch_memory_before_the_output() -> None:
    graph = EVERY_OPERATION["depthwise_same"]
    program = plan_program(graph, TARGETS["cortex-m4"], "m")
    (call,) = program.calls

    text = source_text(program, Provenance("m", "0" * 64))

    scratch, out = program.scratch_offset(call), program.offset(call.output)
    assert call.parameters is not None
    assert call.parameters.scratch_bytes == 9 * 8 + 4
    places = [_place(offset or 0) for offset in (scratch, out)]
    assert f"edge_depthwise_conv_dsp_s8(&layer_0, {_place(program.offset('x'))}, " in text
    assert f"{places[0]}, {places[1]});" in text


def _place(offset: int) -> str:
    return f"m_arena + {offset}" if offset else "m_arena"
