"""A bundle's model on the engines that are installed."""

import hashlib
import sys
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edge_runtime.engines.onnx_engine import OnnxEngine
from edge_runtime.engines.protocol import EngineSettings, dequantize, quantize
from edge_runtime.engines.selection import choose_engine, default_threads, load_engine
from edge_runtime.engines.tflite_engine import TfliteEngine
from edge_runtime.errors import BundleError, EngineError
from edge_runtime.manifest import Manifest, load_bundle
from tests.edge_runtime.bundles import brightness_bundle, sum_bundle

ONE_THREAD = EngineSettings(threads=1)

pytestmark = [pytest.mark.ort, pytest.mark.tflite]


def float_model(operation: str = "Identity") -> bytes:
    value = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", 2]) for n in ("x", "y")]
    node = helper.make_node(operation, ["x"], ["y"])
    graph = helper.make_graph([node], "g", value[:1], value[1:])
    opsets = [helper.make_opsetid("", 17)]
    return onnx.ModelProto.SerializeToString(
        helper.make_model(graph, opset_imports=opsets, ir_version=8)
    )


@pytest.mark.parametrize("name", ["onnx", "tflite"])
def test_both_engines_take_and_give_real_values_by_name(tmp_path: Path, name: str) -> None:
    bundle = sum_bundle(tmp_path)

    engine = load_engine(name, load_bundle(bundle), bundle, ONE_THREAD)
    outputs = engine.run({"x": np.array([[1.5, -4.0]], np.float32)})

    assert (engine.name, outputs["y"].dtype) == (name, np.float32)
    assert outputs["y"].tolist() == [[-2.5]]


def test_a_free_batch_size_is_none() -> None:
    engine = OnnxEngine(float_model(), ONE_THREAD)

    assert engine.inputs == {"x": (None, 2)}
    assert engine.run({"x": np.array([[1, 2]], np.float32)})["y"].tolist() == [[1.0, 2.0]]


def test_codes_pass_through_the_tflite_engine_untouched(tmp_path: Path) -> None:
    bundle = sum_bundle(tmp_path)
    engine = TfliteEngine((bundle / "model.tflite").read_bytes(), ONE_THREAD)

    codes = engine.run_codes({"x": np.array([[100, 100]], np.int8)})

    assert codes["y"].dtype == np.int8
    assert codes["y"].tolist() == [[127]]


def test_quantizing_ties_to_even_and_saturates() -> None:
    values = np.array([0.25, 0.75, 1.25, -0.25, 1e9, -1e9], np.float32)

    codes = quantize(values, 0.5, 1, np.int8)

    assert codes.tolist() == [1, 3, 3, 1, 127, -128]
    assert dequantize(codes[:2], 0.5, 1).tolist() == [0.0, 1.0]


def test_every_code_survives_the_way_out_and_back() -> None:
    codes = np.arange(-128, 128).astype(np.int8)

    for scale in (1 / 256, 0.1, 1e-5, 37.7):
        assert (quantize(dequantize(codes, scale, -7), scale, -7, np.int8) == codes).all()


@pytest.mark.parametrize("data", [b"", b"abc", b"\x1c\0\0\0TFL3" + b"\0" * 60])
def test_m3_what_is_no_model_is_refused_in_one_line(data: bytes) -> None:
    for kind in (OnnxEngine, TfliteEngine):
        with pytest.raises(EngineError, match="refuses the model") as caught:
            kind(data, ONE_THREAD)
        assert "\n" not in str(caught.value)


def test_a_wrong_input_is_an_engine_error(tmp_path: Path) -> None:
    bundle = sum_bundle(tmp_path)
    manifest = load_bundle(bundle)

    for name in ("onnx", "tflite"):
        engine = load_engine(name, manifest, bundle, ONE_THREAD)
        with pytest.raises(EngineError):
            engine.run({"x": np.zeros((1, 3), np.float32)})
        with pytest.raises(EngineError):
            engine.run({"wrong": np.zeros((1, 2), np.float32)})


def test_m3_a_model_that_is_not_the_manifests_is_refused(tmp_path: Path) -> None:
    bundle = sum_bundle(tmp_path)
    manifest = load_bundle(bundle)
    (bundle / "model.onnx").write_bytes(float_model())

    with pytest.raises(BundleError, match="changed since the bundle was made"):
        load_engine("onnx", manifest, bundle, ONE_THREAD)
    with pytest.raises(BundleError, match=r"output 'y': \(None, 2\) in the onnx model"):
        load_engine("onnx", rehashed(manifest, bundle), bundle, ONE_THREAD)


def test_tensors_are_looked_up_by_name(tmp_path: Path) -> None:
    bundle = sum_bundle(tmp_path)
    manifest = load_bundle(bundle)
    renamed = tuple(msgspec.structs.replace(s, name="image") for s in manifest.inputs)

    with pytest.raises(BundleError, match=r"input 'image': the tflite model has \['x'\]"):
        load_engine("tflite", msgspec.structs.replace(manifest, inputs=renamed), bundle, ONE_THREAD)


def test_auto_takes_what_is_in_the_bundle(tmp_path: Path) -> None:
    manifest = load_bundle(brightness_bundle(tmp_path))
    only_onnx = tuple(file for file in manifest.files if file.role != "tflite")

    assert choose_engine("auto", manifest) == "tflite"
    assert choose_engine("auto", msgspec.structs.replace(manifest, files=only_onnx)) == "onnx"
    assert choose_engine("onnx", manifest) == "onnx"
    with pytest.raises(EngineError, match=r"pip install 'edge-runtime\[tflite\]'"):
        choose_engine("auto", msgspec.structs.replace(manifest, files=()))
    with pytest.raises(BundleError, match="no tflite model"):
        load_engine(
            "tflite", msgspec.structs.replace(manifest, files=only_onnx), tmp_path, ONE_THREAD
        )


def test_an_engine_that_is_missing_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)

    with pytest.raises(EngineError, match=r"pip install 'edge-runtime\[onnx\]'"):
        OnnxEngine(b"", ONE_THREAD)
    with pytest.raises(EngineError, match=r"pip install 'edge-runtime\[tflite\]'"):
        TfliteEngine(b"", ONE_THREAD)


def test_one_core_is_left_for_the_rest() -> None:
    assert default_threads() >= 1


def rehashed(manifest: Manifest, bundle: Path) -> Manifest:
    files = tuple(
        msgspec.structs.replace(
            file, sha256=hashlib.sha256((bundle / file.name).read_bytes()).hexdigest()
        )
        for file in manifest.files
    )
    return msgspec.structs.replace(manifest, files=files)
