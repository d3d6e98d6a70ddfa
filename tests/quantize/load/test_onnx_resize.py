import pytest

from quantize.errors import UnsupportedModelError
from quantize.load.onnx_model import load_onnx
from tests.onnx_models import (
    Array,
    assert_reads_as_onnxruntime_runs,
    floats,
    integers,
    kinds,
    node,
    onnx_bytes,
)

IMAGE = {"x": ["N", 3, 6, 4]}


def resized(scales: Array, opset: int = 17, **attributes: object) -> bytes:
    return onnx_bytes([node("Resize", "x - s", **attributes)], IMAGE, {"s": scales}, opset=opset)


def ratio(height: float, width: float) -> Array:
    scales = floats(4)
    scales[:] = 1, 1, height, width
    return scales


@pytest.mark.parametrize("size", [(12, 8), (18, 4), (3, 2), (9, 7), (1, 1)])
@pytest.mark.parametrize(
    "mode", ["asymmetric", "half_pixel", "align_corners", "pytorch_half_pixel"]
)
@pytest.mark.parametrize("kind", ["nearest", "linear"])
@pytest.mark.ort
def test_a_resize_is_read_right_or_refused_by_name(
    kind: str, mode: str, size: tuple[int, int]
) -> None:
    attributes = {"mode": kind, "coordinate_transformation_mode": mode}
    attributes |= {"nearest_mode": "floor" if mode == "asymmetric" else "round_prefer_floor"}
    target = {"t": integers(1, 3, *size)}
    data = onnx_bytes([node("Resize", "x - - t", **attributes)], {"x": [1, 3, 6, 4]}, target)
    try:
        load_onnx(data, "m")
    except UnsupportedModelError as error:
        assert "TFLite cannot say it" in str(error) or "pytorch_half_pixel" in str(error)  # noqa: PT017  # either
        return
    graph = assert_reads_as_onnxruntime_runs(data, batch=1)
    assert any(name.startswith("Resize") for name in kinds(graph))


@pytest.mark.parametrize(
    ("kind", "mode", "rounding"),
    [
        ("nearest", "asymmetric", "floor"),  # torch, Keras
        ("nearest", "half_pixel", "round_prefer_floor"),
        ("nearest", "half_pixel", "round_prefer_ceil"),
        ("linear", "half_pixel", "floor"),
        ("linear", "pytorch_half_pixel", "floor"),  # torch
        ("linear", "align_corners", "floor"),
        ("linear", "asymmetric", "floor"),
    ],
)
@pytest.mark.ort
def test_doubling_an_image_is_always_read(kind: str, mode: str, rounding: str) -> None:
    data = resized(
        ratio(2, 2), mode=kind, coordinate_transformation_mode=mode, nearest_mode=rounding
    )
    wanted = "ResizeNearest" if kind == "nearest" else "ResizeBilinear"

    assert kinds(assert_reads_as_onnxruntime_runs(data)) == [wanted]


@pytest.mark.ort
def test_a_signal_is_resized_along_its_length() -> None:
    scales = floats(3)
    scales[:] = 1, 1, 2
    resize = node(
        "Resize", "x - s", mode="nearest", coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )  # fmt: skip
    assert_reads_as_onnxruntime_runs(onnx_bytes([resize], {"x": ["N", 3, 8]}, {"s": scales}))


@pytest.mark.parametrize(
    ("attributes", "scales", "reason"),
    [
        ({"mode": "cubic"}, ratio(2, 2), "mode 'cubic'"),
        ({"mode": "linear"}, ratio(1.3, 2), "6 pixels times 1.3 is no whole number"),
        ({"mode": "linear", "coordinate_transformation_mode": "tf_crop_and_resize"}, ratio(2, 2),
         "tf_crop_and_resize"),
        ({"mode": "nearest", "nearest_mode": "ceil"}, ratio(2, 2), "TFLite cannot say it"),
    ],
)  # fmt: skip
def test_what_tflite_cannot_say_is_refused_by_name(
    attributes: dict[str, object], scales: Array, reason: str
) -> None:
    with pytest.raises(UnsupportedModelError, match=reason):
        load_onnx(resized(scales, **attributes), "m")


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
@pytest.mark.ort
def test_depth_to_space_is_read_in_both_orders(mode: str) -> None:
    shuffle = node("DepthToSpace", "x", blocksize=2, mode=mode)
    graph = assert_reads_as_onnxruntime_runs(onnx_bytes([shuffle], {"x": ["N", 12, 3, 2]}))

    assert kinds(graph) == (["DepthToSpace"] if mode == "DCR" else ["Gather", "DepthToSpace"])


@pytest.mark.ort
def test_space_to_depth_is_read() -> None:
    data = onnx_bytes([node("SpaceToDepth", "x", blocksize=2)], IMAGE)

    assert kinds(assert_reads_as_onnxruntime_runs(data)) == ["SpaceToDepth"]
