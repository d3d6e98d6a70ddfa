from dataclasses import replace
from pathlib import Path

import numpy as np

from firmware_export.program import plan_program
from firmware_export.provenance import Provenance
from firmware_export.source_text import source_text
from firmware_export.target import TARGETS
from firmware_export.variant import Optimize, Rounding, Variant
from quantize.ir.ops import Activation, FullyConnected, Reshape
from tests.firmware_export.int_graphs import EVERY_OPERATION, Builder, X, Y, quant

PROVENANCE = Provenance("tiny", "ab" * 32)

# Rewritten by hand, and reviewed, when what we emit changes on purpose.
EXPECTED = """\
#include "tiny.h"

#if defined(__OPTIMIZE__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize ("omit-frame-pointer", "no-schedule-insns")
#endif

#include "kernels/edge_kernels.h"
#include "kernels/edge_placement.h"

#include <stddef.h>
#include <string.h>

/* tiny.h belongs to another export if this does not compile. */
typedef char tiny_arena_is_as_planned[TINY_ARENA_BYTES == 8 ? 1 : -1];

/* 0: y */
EDGE_WEIGHTS static const int8_t layer_0_weight[6] = {
    1, 2, 3, -4, 5, -6
};
EDGE_WEIGHTS static const int32_t layer_0_bias[2] = {
    112, -214
};
EDGE_WEIGHTS static const int32_t layer_0_multiplier[1] = {
    1073741824
};
EDGE_WEIGHTS static const int8_t layer_0_shift[1] = {
    -1
};
static const edge_fully_connected_t layer_0 = {
    .input_size = 3, .output_size = 2, .is_per_channel = 0, .output_zero_point = 3,
    .activation_min = 3, .activation_max = 127, .weight = layer_0_weight, .bias = layer_0_bias,
    .multiplier = layer_0_multiplier, .shift = layer_0_shift
};

#if !defined(TINY_EXTERNAL_ARENA)
#if defined(__GNUC__)
__attribute__((aligned(4)))
#endif
EDGE_ARENA static int8_t tiny_arena[TINY_ARENA_BYTES];
#endif

int8_t *tiny_input(void)
{
    return tiny_arena;
}

const int8_t *tiny_output(void)
{
    return tiny_arena + 4;
}

EDGE_SHARED void layer_0_run(void)
{
    edge_fully_connected_s8(&layer_0, tiny_arena, tiny_arena + 4);
}

void tiny_run(void)
{
    layer_0_run();
}

int tiny_invoke(const int8_t *input, int8_t *output)
{
    if (input == NULL || output == NULL) {
        return -1;
    }
    (void)memcpy(tiny_arena, input, 3u);
    tiny_run();
    (void)memcpy(output, tiny_arena + 4, 2u);
    return 0;
}
"""


def tiny() -> Builder:
    b = Builder()
    b.input("x", (1, 3), quant(0.5, -2))
    b.constant("w", np.array([[1, 2, 3], [-4, 5, -6]], np.int8), quant(0.25))
    b.constant("b", np.array([100, -204], np.int32), quant(0.125))
    b.add(FullyConnected("x", "w", "b", "y", Activation.RELU), quant(0.5, 3))
    return b


def test_the_whole_source_of_a_tiny_model() -> None:
    program = plan_program(tiny().build("y"), TARGETS["cortex-m3"], "tiny")

    text = source_text(program, PROVENANCE)

    assert text.split("\n", 2)[2] == EXPECTED


def test_a_variant_tells_the_kernels_and_the_compiler() -> None:
    variant = Variant(Optimize.SIZE, Rounding.SINGLE)
    program = plan_program(tiny().build("y"), TARGETS["cortex-m4"], "tiny", variant=variant)

    text = source_text(program, PROVENANCE)

    assert "#define EDGE_SINGLE_ROUNDING 1\n" in text
    assert '#pragma GCC optimize ("Os", "omit-frame-pointer")\n' in text
    assert "EDGE_OPTIMIZE_SPEED" not in text


def test_equal_tables_are_stored_once() -> None:
    b = tiny()
    b.add(FullyConnected("x", "w", "b", "z", Activation.RELU), quant(0.5, 4))
    program = plan_program(b.build("y", "z"), TARGETS["cortex-m3"], "tiny")

    text = source_text(program, PROVENANCE)

    assert text.count("static const int8_t") == 2
    assert ".weight = layer_0_weight" in text.split("layer_1 =")[1]


def test_equal_parameters_are_stored_once() -> None:
    b = tiny()
    b.add(FullyConnected("x", "w", "b", "z", Activation.RELU), quant(0.5, 3))
    program = plan_program(b.build("y", "z"), TARGETS["cortex-m3"], "tiny")

    text = source_text(program, PROVENANCE)

    assert "layer_1 =" not in text
    assert text.count("edge_fully_connected_s8(&layer_0, tiny_arena") == 2


def test_a_constant_operand_is_a_table() -> None:
    program = plan_program(EVERY_OPERATION["add_constant"], TARGETS["host"], "m")

    text = source_text(program, PROVENANCE)

    assert "static const int8_t layer_0_input_1[5]" in text
    assert "edge_add_s8(&layer_0, m_arena, layer_0_input_1, m_arena + 64);" in text


def test_a_reshaped_constant_is_copied() -> None:
    b = Builder()
    b.input("x", (1, 2), X)
    b.constant("c", np.arange(6, dtype=np.int8).reshape(1, 6), Y)
    program = plan_program(b.build(b.add(Reshape("c", "y"), Y, (1, 2, 3))), TARGETS["host"], "m")

    assert "edge_copy_s8(6, layer_0_input_0, m_arena);" in source_text(program, PROVENANCE)


def test_the_same_graph_gives_the_same_bytes(tmp_path: Path) -> None:
    graph = EVERY_OPERATION["residual"]
    backwards = replace(
        graph,
        tensors=dict(reversed(graph.tensors.items())),
        constants=dict(reversed(graph.constants.items())),
    )

    texts = {
        source_text(plan_program(each, TARGETS["cortex-m4"], "m"), PROVENANCE)
        for each in (graph, backwards)
    }

    assert len(texts) == 1
