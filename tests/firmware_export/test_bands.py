import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_export.bands import Bands, in_bands, legal_depths
from firmware_export.errors import BandsError
from firmware_export.golden import random_inputs
from firmware_export.program import Memory, plan_program
from firmware_export.target import TARGETS
from quantize.ir.graph import IntGraph
from quantize.ir.interpreter import execute
from quantize.ir.ops import (
    Activate,
    Activation,
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    HardSwish,
    MaxPool2D,
    Mul,
    Padding,
)
from quantize.ir.shapes import same_padding
from tests.firmware_export.int_graphs import Builder, X, Y, residual_graph


def assert_equal(graph: IntGraph, bands: Bands) -> None:
    """The definition of the integers is the interpreter's, for whole and cut graph alike."""
    inputs = random_inputs(graph, 2)

    cut = in_bands(graph, bands)

    made = [operation.output for operation in cut.operations]
    assert len(set(made)) == len(made)
    assert {*made, *cut.inputs, *cut.constants} == set(cut.tensors)
    whole, parts = execute(graph, inputs), execute(cut, inputs)
    for name in graph.outputs:
        np.testing.assert_array_equal(parts[name], whole[name])


@st.composite
def chains(draw: st.DrawFn) -> IntGraph:
    """Convolutions and pools, one behind the other, some in a residual block."""
    b = Builder(np.random.default_rng(draw(st.integers(0, 2**32))))
    height, width = draw(st.integers(5, 14)), draw(st.integers(3, 7))
    name = b.input("x", (1, height, width, draw(st.integers(1, 5))))
    for index in range(draw(st.integers(1, 4))):
        name = window(draw, b, name, index)
        if draw(st.booleans()):
            clamp = b.add(Activate(name, f"clamp{index}", Activation.RELU), Y)
            name = b.add(Add(name, clamp, f"sum{index}"), Y)
    return b.build(name)


def window(draw: st.DrawFn, b: Builder, source: str, index: int) -> str:
    _, height, width, channels = b.tensors[source].shape
    kernel = (draw(st.integers(1, min(3, height))), draw(st.integers(1, min(3, width))))
    stride = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    dilation = (draw(st.integers(1, 2)), 1) if kernel[0] * 2 <= height else (1, 1)
    kind = draw(st.sampled_from(["conv", "depthwise", "max", "average"]))
    if kind in {"max", "average"}:
        dilation = (1, 1)
    is_same = draw(st.booleans())
    padding = same_padding((height, width), kernel, stride, dilation) if is_same else Padding()
    output = f"t{index}"
    quant = b.tensors[source].quant
    assert quant is not None
    if kind == "max":
        return b.add(MaxPool2D(source, output, kernel, stride, padding), quant)
    if kind == "average":
        return b.add(AveragePool2D(source, output, kernel, stride, padding), quant)
    made = channels * draw(st.integers(1, 2)) if kind == "depthwise" else draw(st.integers(1, 6))
    shape = (1, *kernel, made) if kind == "depthwise" else (made, *kernel, channels)
    weight = b.weight(f"w{index}", shape, 3 if kind == "depthwise" else 0)
    bias = b.bias(f"b{index}", weight, source, made)
    conv = DepthwiseConv2D if kind == "depthwise" else Conv2D
    return b.add(conv(source, weight, bias, output, stride, dilation, padding), Y)


@settings(max_examples=40, deadline=None)
@given(chains(), st.data())
def test_bands_give_the_same_integers(graph: IntGraph, data: st.DataObject) -> None:
    depths = legal_depths(graph)
    if depths:
        depth = data.draw(st.sampled_from(depths))
        height = graph.tensors[graph.operations[depth - 1].output].shape[1]
        assert_equal(graph, Bands(depth, data.draw(st.integers(2, height))))


def test_a_residual_block_is_cut_as_a_whole() -> None:
    graph = residual_graph()

    assert legal_depths(graph) == [1, 4]  # not inside, where the skip crosses too
    assert_equal(graph, Bands(4, 3))


def test_what_both_bands_read_is_computed_twice() -> None:
    cut = in_bands(residual_graph(), Bands(4, 2))

    rows = {name: tensor.shape[1] for name, tensor in cut.tensors.items() if "band 0" in name}
    assert rows["c1 band 0"] == 6  # four, and one more for each of the two 3 x 3 kernels
    assert rows["c2 band 0"] == 5
    assert rows["sum band 0"] == 4
    assert rows["c1 band 0 for sum band 0"] == 4


def test_a_band_of_the_input_and_the_joined_output_move_no_byte() -> None:
    graph = residual_graph()

    program = plan_program(graph, TARGETS["host"], memory=Memory(Bands(4, 2)))

    kernels = {call.parameters.kernel for call in program.calls if call.parameters}
    assert not kernels & {"edge_slice_s8", "edge_concat_s8"}


def test_bands_take_less_memory() -> None:
    b = Builder()
    b.weight("w1", (16, 3, 3, 1), 0)
    b.weight("w2", (4, 3, 3, 16), 0)
    x = b.input("x", (1, 24, 8, 1))
    same = same_padding((24, 8), (3, 3), (1, 1), (1, 1))
    wide = b.add(Conv2D(x, "w1", None, "wide", padding=same), Y)
    graph = b.build(b.add(Conv2D(wide, "w2", None, "narrow", padding=same), Y))

    whole, cut = (
        plan_program(graph, TARGETS["host"], memory=Memory(bands)).arena.size_bytes
        for bands in (None, Bands(2, 8))
    )

    assert whole >= 24 * 8 * 16
    assert cut < whole / 2
    assert_equal(graph, Bands(2, 8))


def test_a_constant_of_each_channel_is_multiplied_in_bands_one_of_each_row_is_not() -> None:
    for shape, depths in (((1, 1, 1, 4), [1, 2]), ((1, 6, 1, 4), [])):
        b = Builder()
        x = b.input("x", (1, 6, 5, 4))
        factor = b.constant("factor", b.rng.integers(-128, 128, shape, np.int8), X)
        graph = b.build(b.add(HardSwish(b.add(Mul(x, factor, "scaled"), Y), "curve"), Y))

        assert legal_depths(graph) == depths
        if depths:
            assert_equal(graph, Bands(2, 3))


@pytest.mark.parametrize(
    ("bands", "message"),
    [
        (Bands(2, 2), "bands over the first 2 operations, allowed are 1, 4"),
        (Bands(4, 9), "9 bands of 8 rows, allowed are 2 to 8"),
        (Bands(4, 1), "1 bands of 8 rows"),
    ],
)
def test_what_cannot_be_cut_is_refused(bands: Bands, message: str) -> None:
    with pytest.raises(BandsError, match=message):
        in_bands(residual_graph(), bands)


def test_a_graph_without_images_has_nothing_to_cut() -> None:
    b = Builder()
    graph = b.build(b.add(HardSwish(b.input("x", (1, 12)), "y"), Y))

    with pytest.raises(BandsError, match="allowed are none"):
        in_bands(graph, Bands(1, 2))
