"""Small real bundles, made in code: a model of each kind with its self-test."""

import hashlib
import io
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edge_runtime.decoders.specs import (
    AnomalyDecoder,
    ClassificationDecoder,
    RegressionDecoder,
)
from edge_runtime.manifest import (
    BundleFile,
    Calibration,
    ImageInput,
    Manifest,
    Preprocessing,
    Provenance,
    SelfTest,
    TensorSpec,
    encode_manifest,
)
from edge_runtime.signals.inputs import WindowInput
from quantize.emit.onnx_qdq import emit_qdq_onnx
from quantize.emit.tflite_int8 import emit_tflite
from quantize.ir.graph import DType, Graph, IntGraph, TensorType
from quantize.ir.interpreter import execute
from quantize.ir.ops import FullyConnected
from quantize.ir.spec import check_integer
from tests.models import quant

Decoder = ClassificationDecoder | RegressionDecoder | AnomalyDecoder


def dense(
    weights: list[list[int]], weight_scale: float, bias: list[int], input_scale: float, zero: int
) -> IntGraph:
    """Return y = x @ weights.T + bias with an output scale of `input_scale`, zero point 0."""
    w = np.array(weights, np.int8)
    x_params, w_params, y_params = quant(input_scale, zero), quant(weight_scale), quant(input_scale)
    bias_scale = float(np.float32(x_params.scale[0]) * np.float32(w_params.scale[0]))
    tensors = {
        "x": TensorType((1, w.shape[1]), DType.INT8, x_params),
        "w": TensorType(w.shape, DType.INT8, w_params),
        "b": TensorType((w.shape[0],), DType.INT32, quant(bias_scale)),
        "y": TensorType((1, w.shape[0]), DType.INT8, y_params),
    }
    constants = {"w": w, "b": np.array(bias, np.int32)}
    operations = (FullyConnected("x", "w", "b", "y"),)
    return check_integer(Graph("small", ("x",), ("y",), tensors, constants, operations))


def brightness_bundle(folder: Path) -> Path:
    """Classify a 2x2 grey image as "dark" or "bright": its mean less 128, softmax over both."""
    graph = dense([[-127] * 4, [127] * 4], 1 / 508, [128 * 508, -128 * 508], 1.0, -128)
    image = ImageInput(width=2, height=2, colour="grey")
    decoder = ClassificationDecoder(output="y", activation="softmax", top_k=2)
    return write(folder, "brightness", graph, image, decoder, labels=("dark", "bright"))


def sum_bundle(folder: Path, length: int = 1, step: int = 1) -> Path:
    """Regress the sum of two columns over a window."""
    graph = dense([[127] * 2 * length], 1 / 127, [0], 0.5, 0)
    window = WindowInput(columns=("a", "b"), length=length, step=step)
    decoder = RegressionDecoder(output="y", names=("total",), unit="kg")
    return write(folder, "total", graph, window, decoder)


def half_bundle(folder: Path) -> Path:
    """Reconstruct half of two values: the score is a quarter of their mean square."""
    graph = dense([[127, 0], [0, 127]], 0.5 / 127, [0, 0], 0.05, 0)
    window = WindowInput(columns=("a", "b"))
    decoder = AnomalyDecoder(output="y", threshold=0.25)
    return write(folder, "half", graph, window, decoder)


def write(
    folder: Path,
    name: str,
    graph: IntGraph,
    preprocessing: Preprocessing,
    decoder: Decoder,
    labels: tuple[str, ...] = (),
    *,
    max_lsb: int = 1,
) -> Path:
    """Write a bundle NAME/1/ and return its directory."""
    vectors, samples = _self_test(graph)
    files = {
        "onnx": ("model.onnx", emit_qdq_onnx(graph)),
        "tflite": ("model.tflite", emit_tflite(graph)),
        "self_test": ("selftest.npz", vectors),
    }
    directory = folder / name / "1"
    directory.mkdir(parents=True)
    entries: list[dict[str, Any]] = []
    for role, (file, data) in files.items():
        (directory / file).write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        entries.append({"role": role, "name": file, "bytes": len(data), "sha256": digest})
    task = {ClassificationDecoder: "classification", RegressionDecoder: "regression"}
    manifest = Manifest(
        schema="edge.bundle/1",
        name=name,
        version=1,
        task=task.get(type(decoder), "anomaly"),  # type: ignore[arg-type]
        inputs=(_spec(graph, graph.inputs[0]),),
        outputs=(_spec(graph, graph.outputs[0]),),
        preprocessing=preprocessing,
        decoder=decoder,
        labels=labels,
        files=tuple(msgspec.convert(entry, BundleFile) for entry in entries),
        self_test=SelfTest(samples=samples, max_lsb=dict.fromkeys(("onnx", "tflite"), max_lsb)),
        calibration=Calibration(samples=1, data_sha256="0" * 64),
        provenance=Provenance(
            model_sha256="0" * 64, model_format="test", profile="tflm", versions={}, recipe={}
        ),
        metrics={},
    )
    (directory / "manifest.json").write_bytes(encode_manifest(manifest))
    return directory


def _spec(graph: IntGraph, name: str) -> TensorSpec:
    tensor = graph.tensors[name]
    assert tensor.quant is not None
    return TensorSpec(
        name=name,
        shape=tensor.shape,
        scale=tensor.quant.scale[0],
        zero_point=tensor.quant.zero_point,
    )


def _self_test(graph: IntGraph) -> tuple[bytes, int]:
    """Return random codes, their real values and the interpreter's answers."""
    (name,) = graph.inputs
    tensor = graph.tensors[name]
    assert tensor.quant is not None
    rng = np.random.default_rng(3)
    codes = rng.integers(-128, 128, (8, *tensor.shape[1:])).astype(np.int8)
    answers = execute(graph, {name: codes})[graph.outputs[0]]
    centred = codes.astype(np.float32) - tensor.quant.zero_point
    inputs = (centred * np.float32(tensor.quant.scale[0])).astype(np.float32)
    stream = io.BytesIO()
    np.savez(stream, inputs=inputs, onnx=answers, tflite=answers)
    return stream.getvalue(), len(codes)
