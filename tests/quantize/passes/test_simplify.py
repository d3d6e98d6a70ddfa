from hypothesis import given, settings

from quantize.ir.graph import FloatGraph
from quantize.ir.ops import AveragePool2D, Conv2D, DepthwiseConv2D, MaxPool2D, Padding
from quantize.ir.shapes import same_padding
from quantize.passes.simplify import simplify
from tests.float_graphs import assert_keeps_result, float_graphs


@settings(max_examples=150, deadline=None)
@given(graph=float_graphs())
def test_simplifying_keeps_the_result(graph: FloatGraph) -> None:
    assert_keeps_result(simplify, graph)


@settings(max_examples=60, deadline=None)
@given(graph=float_graphs())
def test_every_padding_is_valid_or_same_in_the_end(graph: FloatGraph) -> None:
    simple = simplify(graph)

    for operation in simple.operations:
        if isinstance(operation, Conv2D | DepthwiseConv2D | AveragePool2D | MaxPool2D):
            height, width = simple.tensors[operation.input].shape[1:3]
            if isinstance(operation, Conv2D | DepthwiseConv2D):
                kernel = simple.tensors[operation.weight].shape[1:3]
            else:
                kernel = operation.kernel
            same = same_padding((height, width), (kernel[0], kernel[1]), operation.stride, (1, 1))
            assert operation.padding in {Padding(), same}


@settings(max_examples=40, deadline=None)
@given(graph=float_graphs())
def test_simplifying_twice_is_simplifying_once(graph: FloatGraph) -> None:
    once = simplify(graph)

    assert simplify(once) == once
