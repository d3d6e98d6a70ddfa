import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.manifest import (
    Calibration,
    Manifest,
    Provenance,
    SelfTest,
    TensorInput,
    TensorSpec,
)
from firmware_export.errors import ModelFileError
from firmware_export.model_file import load_model
from quantize.emit.archive import npz_bytes
from quantize.emit.bundle import NewFile, plan_destination, write_bundle
from quantize.emit.onnx_qdq import emit_qdq_onnx
from quantize.emit.tflite_int8 import emit_tflite
from quantize.errors import QuantizeError
from quantize.ir.graph import Array, Profile, TensorType
from quantize.ir.ops import Dequantize
from tests.firmware_export.int_graphs import dense_graph
from tests.models import int8, int_graph, quant

MANIFEST = Manifest(
    schema="edge.bundle/1",
    name="draft",
    version=1,
    task="tensor",
    inputs=(TensorSpec(name="x", shape=(1, 2, 5), scale=0.05, zero_point=-3),),
    outputs=(TensorSpec(name="y", shape=(1, 7), scale=0.11, zero_point=7),),
    preprocessing=TensorInput(),
    decoder=None,
    labels=(),
    files=(),
    self_test=SelfTest(samples=1, max_lsb={}),
    calibration=Calibration(samples=4, data_sha256="0" * 64),
    provenance=Provenance(
        model_sha256="0" * 64, model_format="onnx", profile="tflm", versions={}, recipe={}
    ),
    metrics={},
)
TFLITE = NewFile("tflite", "model.tflite", emit_tflite(dense_graph()))


def bundle(folder: Path, version: int, *files: NewFile) -> Path:
    destination = plan_destination(folder, "door-cam", version)
    write_bundle(destination, MANIFEST, files)
    return destination.path


def self_test(**arrays: Array) -> NewFile:
    return NewFile("self_test", "selftest.npz", npz_bytes(arrays))


def test_a_tflite_file_is_loaded_with_its_hash(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(TFLITE.content)

    model = load_model(path)

    assert model.graph == dense_graph()
    assert model.sha256 == hashlib.sha256(TFLITE.content).hexdigest()
    assert model.inputs is None


def test_a_qdq_onnx_file_gives_the_same_integers(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(emit_qdq_onnx(dense_graph()))

    assert load_model(path).graph == dense_graph()


def test_the_profile_that_a_file_states_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(emit_tflite(replace(dense_graph(), profile=Profile.LITERT)))

    assert load_model(path).graph.profile is Profile.LITERT


def test_a_bundle_names_the_model_and_brings_its_inputs(tmp_path: Path) -> None:
    real = np.zeros((2, 2, 5), np.float32)
    real[0, 0, :4] = [0.05, 0.025, -100, 100]

    model = load_model(bundle(tmp_path, 1, TFLITE, self_test(inputs=real)))

    assert model.name == model.graph.name == "door-cam"
    assert model.inputs is not None
    assert model.inputs["x"][0, 0].tolist() == [-2, -2, -128, 127, -3]


def test_a_bundle_without_self_test_brings_no_inputs(tmp_path: Path) -> None:
    assert load_model(bundle(tmp_path, 1, TFLITE)).inputs is None


def test_of_several_versions_the_newest_is_taken(tmp_path: Path) -> None:
    for version in (2, 10):
        inputs = np.full((1, 2, 5), version * 0.05, np.float32)
        bundle(tmp_path, version, TFLITE, self_test(inputs=inputs))

    model = load_model(tmp_path / "door-cam")

    assert model.inputs is not None
    assert np.unique(model.inputs["x"]).tolist() == [7]


def test_a_changed_file_of_a_bundle_is_refused(tmp_path: Path) -> None:
    path = bundle(tmp_path, 1, TFLITE)
    (path / "model.tflite").write_bytes(TFLITE.content[:-1] + b"\x01")

    with pytest.raises(ModelFileError, match=r"model\.tflite"):
        load_model(path)


def test_a_bundle_without_tflite_file_is_refused(tmp_path: Path) -> None:
    onnx = NewFile("onnx", "model.onnx", emit_qdq_onnx(dense_graph()))

    with pytest.raises(ModelFileError, match="holds no TFLite file"):
        load_model(bundle(tmp_path, 1, onnx))


def test_self_test_inputs_of_another_shape_are_refused(tmp_path: Path) -> None:
    path = bundle(tmp_path, 1, TFLITE, self_test(inputs=np.zeros((2, 3), np.float32)))

    with pytest.raises(ModelFileError, match=r"inputs \(2, 3\), expected"):
        load_model(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04rubbish", npz_bytes({"y": np.zeros(1)})])
def test_a_broken_self_test_is_refused(tmp_path: Path, content: bytes) -> None:
    path = bundle(tmp_path, 1, TFLITE, NewFile("self_test", "selftest.npz", content))

    with pytest.raises(ModelFileError, match=r"no \.npz file with inputs"):
        load_model(path)


def test_a_directory_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"no manifest\.json"):
        load_model(tmp_path)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(b"hello")

    with pytest.raises(QuantizeError):
        load_model(tmp_path / "m.tflite")


@pytest.mark.shared_assets
def test_a_float_model_is_refused_with_what_to_do(shared: Path) -> None:
    path = shared / "models" / "tflm" / "hello_world_float.tflite"

    with pytest.raises(ModelFileError, match="a float model; quantize it first"):
        load_model(path)


def test_layers_in_float_are_refused_by_name(tmp_path: Path) -> None:
    tensors = {"x": int8((1, 4), quant(0.5)), "y": TensorType((1, 4))}
    graph = int_graph([Dequantize("x", "y")], tensors, {}, ["y"])
    (tmp_path / "m.onnx").write_bytes(emit_qdq_onnx(graph))

    with pytest.raises(ModelFileError, match=r"y is float32, the C kernels are of integers"):
        load_model(tmp_path / "m.onnx")
