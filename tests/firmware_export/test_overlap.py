from firmware_export.overlap import kernel_lead_bytes
from firmware_export.parameters import Parameters
from firmware_export.program import Program, plan_program
from firmware_export.target import TARGETS
from quantize.ir.ops import MaxPool2D
from tests.firmware_export.int_graphs import EVERY_OPERATION, Builder, X, residual_graph


def shape(
    size: int, channels: tuple[int, int], kernel: int = 1, stride: int = 1, pad: int = 0
) -> dict[str, object]:
    out = (size + 2 * pad - kernel) // stride + 1
    sides = {"kernel": kernel, "stride": stride, "dilation": 1}
    return {
        "input": (size, size, channels[0]),
        "output": (out, out, channels[1]),
        **{f"{name}_{side}": n for name, n in sides.items() for side in ("height", "width")},
        "pad_top": pad,
        "pad_left": pad,
    }


def lead(kernel: str, fields: dict[str, object]) -> int | None:
    return kernel_lead_bytes(Parameters(kernel, "", fields))  # type: ignore[arg-type]  # literals


def test_a_pointwise_convolution_that_copies_its_window_needs_no_lead() -> None:
    assert lead("edge_conv_dsp_s8", {"shape": shape(5, (8, 8))}) == 0


def test_one_that_reads_while_it_writes_leads_by_a_pixel() -> None:
    assert lead("edge_pointwise_conv_s8", shape(5, (8, 8))) == 8


def test_a_growing_output_leads_by_what_it_grows() -> None:
    # before the last of the 25 pixels, 24 * 16 bytes are written and 24 * 8 read
    assert lead("edge_conv_dsp_s8", {"shape": shape(5, (8, 16))}) == 24 * 8


def test_a_depthwise_convolution_leads_by_the_rows_and_pixels_above_its_window() -> None:
    assert lead("edge_depthwise_conv_s8", shape(5, (8, 8), kernel=3, pad=1)) == 5 * 8 + 8


def test_one_that_makes_a_row_channel_by_channel_leads_by_a_row_more() -> None:
    few, many = ({"shape": shape(5, (c, c), kernel=3, pad=1)} for c in (16, 17))

    assert lead("edge_depthwise_conv_mve_s8", few) == (5 + 1) * 16
    assert lead("edge_depthwise_conv_mve_s8", many) == (5 + 1 + 5) * 17


def test_a_channel_multiplier_costs_a_pixel_more() -> None:
    once = lead("edge_depthwise_conv_s8", shape(1, (8, 8)))
    twice = lead("edge_depthwise_conv_s8", shape(1, (8, 16)))

    assert (once, twice) == (0, 16)


def test_a_pool_that_leaves_more_behind_than_it_writes_may_start_anywhere_before_its_end() -> None:
    assert lead("edge_max_pool_s8", shape(4, (3, 3), kernel=2, stride=2)) == 0


def test_a_kernel_that_writes_before_it_reads_lies_apart() -> None:
    assert lead("edge_pad_s8", {}) is None


def test_windows_that_read_nothing_hold_nothing_up() -> None:
    fields = shape(1, (4, 4)) | {"output": (3, 3, 4), "pad_top": 1, "pad_left": 1}

    assert lead("edge_conv_s8", fields) == 4 * 4  # the middle one is the only one that reads


def planned(name: str, target: str = "host") -> Program:
    return plan_program(EVERY_OPERATION[name], TARGETS[target])


def test_an_input_that_is_read_again_is_not_written_over() -> None:
    program = plan_program(residual_graph(), TARGETS["host"])

    assert ("c2", "c1") not in program.leads  # the sum reads c1
    assert program.leads["c3", "c2"] == 72


def test_a_net_takes_less_than_its_tensors_alive_at_once() -> None:
    program = plan_program(residual_graph(), TARGETS["host"])

    assert (
        program.arena.size_bytes == program.arena.bound_bytes == 1184
    )  # 1536 side by side, and 80 for a window


def test_a_model_output_is_not_written_over_by_what_comes_after_it() -> None:
    b = Builder()
    first = b.add(MaxPool2D(b.input("x", (1, 4, 4, 4)), "first", (1, 1), (1, 1)), X)
    second = b.add(MaxPool2D(first, "second", (1, 1), (1, 1)), X)

    program = plan_program(b.build(first, second), TARGETS["host"])

    assert program.leads == {("first", "x"): 0}
