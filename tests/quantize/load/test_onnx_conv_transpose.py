import pytest

from quantize.errors import UnsupportedModelError
from quantize.ir.ops import TransposeConv2D
from quantize.load.onnx_model import load_onnx
from tests.onnx_models import assert_reads_as_onnxruntime_runs, floats, kinds, node, onnx_bytes

IMAGE = {"x": ["N", 3, 5, 4]}


def spread(kernel: int, **attributes: object) -> bytes:
    constants = {"w": floats(3, 6, kernel, kernel), "b": floats(6)}
    return onnx_bytes([node("ConvTranspose", "x w b", **attributes)], IMAGE, constants)


LEGAL = [
    (kernel, stride, pad, extra)
    for kernel in (1, 2, 3, 4, 5)
    for stride in (1, 2, 3)
    for pad in (0, 1, 2)
    for extra in (0, 1)
    if extra < stride and 2 * pad <= kernel
]


@pytest.mark.parametrize(("kernel", "stride", "pad", "extra"), LEGAL)
@pytest.mark.ort
def test_every_padding_is_read_as_onnxruntime_runs_it(
    kernel: int, stride: int, pad: int, extra: int
) -> None:
    data = spread(
        kernel, strides=[stride] * 2, pads=[pad, 0, pad, pad], output_padding=[extra, extra]
    )
    assert_reads_as_onnxruntime_runs(data)


@pytest.mark.parametrize(
    ("kernel", "attributes"),
    [
        (2, {"strides": [2, 2]}),
        (3, {"strides": [2, 2]}),
        (4, {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
        (3, {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]}),
        (3, {"strides": [2, 2], "pads": [0, 0, 1, 1]}),
        (5, {"strides": [1, 1], "pads": [2, 2, 2, 2]}),
    ],
)
@pytest.mark.ort
def test_the_usual_decoders_need_one_operation(kernel: int, attributes: dict) -> None:
    assert kinds(assert_reads_as_onnxruntime_runs(spread(kernel, **attributes))) == [
        "TransposeConv2D"
    ]


@pytest.mark.ort
def test_a_normalization_and_a_clamp_behind_it_go_into_it() -> None:
    nodes = [
        node("ConvTranspose", "x w", "c", strides=[2, 2]),
        node("BatchNormalization", "c s b m v", "n"),
        node("Relu", "n"),
    ]
    constants = {"w": floats(3, 6, 2, 2), "s": floats(6), "b": floats(6), "m": floats(6)}
    data = onnx_bytes(nodes, IMAGE, {**constants, "v": abs(floats(6)) + 1})

    graph = assert_reads_as_onnxruntime_runs(data)

    assert kinds(graph) == ["TransposeConv2D"]


@pytest.mark.ort
def test_a_signal_is_spread_along_its_length() -> None:
    transposed = node("ConvTranspose", "x w", strides=[2], pads=[1, 1])
    data = onnx_bytes([transposed], {"x": ["N", 3, 7]}, {"w": floats(3, 4, 4)})

    (operation,) = [
        each
        for each in assert_reads_as_onnxruntime_runs(data).operations
        if isinstance(each, TransposeConv2D)
    ]
    assert operation.size == (1, 14)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"group": 3}, "has groups"),
        ({"dilations": [2, 2]}, "dilations"),
        ({"auto_pad": "SAME_UPPER"}, "export it with pads"),
        ({"output_shape": [10, 8]}, "export it with pads"),
    ],
)
def test_what_tflite_cannot_say_is_refused_by_name(attributes: dict, reason: str) -> None:
    with pytest.raises(UnsupportedModelError, match=reason):
        load_onnx(spread(2, strides=[2, 2], **attributes), "m")
