from firmware_export.layers import layer_records, peak_buffers
from firmware_export.program import plan_program
from firmware_export.target import TARGETS
from quantize.ir.graph import IntGraph
from tests.firmware_export.int_graphs import EVERY_OPERATION, residual_graph


def macs(graph: IntGraph) -> list[int]:
    return [layer.macs for layer in layer_records(plan_program(graph, TARGETS["host"]))]


def test_products_are_counted_by_hand() -> None:
    assert macs(EVERY_OPERATION["conv_same"]) == [9 * 8 * 6 * 3 * 3 * 3]
    assert macs(EVERY_OPERATION["depthwise_same"]) == [9 * 8 * 4 * 3 * 3]
    assert macs(EVERY_OPERATION["dense"]) == [7 * 10]
    assert macs(EVERY_OPERATION["add"]) == [0]


def test_constants_are_weights_biases_multipliers_and_shifts() -> None:
    program = plan_program(EVERY_OPERATION["conv_same"], TARGETS["host"])

    (layer,) = layer_records(program)

    assert layer.constants_bytes == 6 * 27 + 6 * (4 + 4 + 1)


def test_a_constant_operand_is_counted() -> None:
    program = plan_program(EVERY_OPERATION["add_constant"], TARGETS["host"])

    assert layer_records(program)[0].constants_bytes == 5


def test_the_peak_holds_input_output_and_skip() -> None:
    layers = layer_records(plan_program(residual_graph(), TARGETS["host"]))

    windows = [3 * 3 * 3, 3 * 3 * 8, 3 * 3 * 8, 0]  # what a convolution reads at one pixel
    # the first starts 342 bytes before its input, the third a row and a pixel
    live = [342 + 192, 1024, 1024 + 72, 1024]
    found = [layer.live_bytes for layer in layers[:4]]
    assert found == [bytes_ + window for bytes_, window in zip(live, windows, strict=True)]


def test_the_buffers_of_the_peak_add_up_to_its_live_bytes() -> None:
    for target in ("host", "cortex-m4"):
        program = plan_program(residual_graph(), TARGETS[target], "m")
        layers = layer_records(program)

        buffers = peak_buffers(program, layers)

        assert sum(buffers.values()) == max(layer.live_bytes for layer in layers)
        assert {"c1", "c2"} <= buffers.keys()
