"""The model to export: a file or a bundle becomes a graph, with the inputs to test it on."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_runtime.errors import BundleError
from edge_runtime.manifest import MANIFEST_NAME, Manifest, load_bundle
from firmware_export.errors import ModelFileError
from quantize.ir.graph import Array, IntGraph, Profile
from quantize.ir.integer_params import CODE_MAX, CODE_MIN, quant_of
from quantize.load.tflite_model import load_int8_tflite

MAX_MODEL_BYTES = 1 << 28


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A model as it was found.

    Attributes:
        name: From the bundle, or the file's name without its ending.
        sha256: Of the model file.
        inputs: Inputs (N, ...) int8 that came with it, None where none did.
    """

    name: str
    graph: IntGraph
    sha256: str
    inputs: Mapping[str, Array] | None = None


def load_model(path: Path) -> Model:
    """Return the model of an int8 TFLite file, a QDQ ONNX file of ours, or a bundle directory.

    Raises:
        ModelFileError: It cannot be read, or is none of these.
        QuantizeError: The loader refuses what is in it.
    """
    if path.is_dir():
        return _load_bundle(path)
    if path.suffix == ".tflite":
        return _load_tflite(path, path.stem, Profile.TFLM)
    if path.suffix == ".onnx":
        return _load_onnx(path)
    raise ModelFileError(f"{path}: expected an int8 .tflite file, a QDQ .onnx file or a bundle")


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_MODEL_BYTES:
            raise ModelFileError(f"{path}: more than {MAX_MODEL_BYTES} bytes, no microcontroller's")
        return path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path}: {error.strerror or error}") from error


def _load_tflite(path: Path, name: str, profile: Profile) -> Model:
    data = _read(path)
    graph = load_int8_tflite(data, name, profile)
    return Model(name, graph, hashlib.sha256(data).hexdigest())


def _load_onnx(path: Path) -> Model:
    from quantize.load.onnx_qdq import load_onnx_qdq  # noqa: PLC0415  # onnx takes a second to import

    data = _read(path)
    return Model(path.stem, load_onnx_qdq(data, path.stem), hashlib.sha256(data).hexdigest())


def _load_bundle(directory: Path) -> Model:
    found = _newest_version(directory)
    try:
        manifest = load_bundle(found)
    except BundleError as error:
        raise ModelFileError(str(error)) from error
    except OSError as error:
        raise ModelFileError(f"{found}: {error.strerror or error}") from error
    if (file := _file_of(manifest, "tflite")) is None:
        raise ModelFileError(f"{found}: the bundle holds no TFLite file")
    model = _load_tflite(found / file, manifest.name, _profile_of(manifest))
    return Model(model.name, model.graph, model.sha256, _self_test_inputs(found, manifest, model))


def _newest_version(directory: Path) -> Path:
    """Return NAME/VERSION/ of the highest version where `directory` is NAME/."""
    if (directory / MANIFEST_NAME).exists():
        return directory
    versions = [entry for entry in directory.iterdir() if entry.name.isdecimal()]
    return max(versions, key=lambda entry: int(entry.name), default=directory)


def _file_of(manifest: Manifest, role: str) -> str | None:
    return next((file.name for file in manifest.files if file.role == role), None)


def _profile_of(manifest: Manifest) -> Profile:
    try:
        return Profile(manifest.provenance.profile)
    except ValueError as error:
        raise ModelFileError(
            f"{manifest.name}: profile {manifest.provenance.profile!r}, "
            f"expected one of {', '.join(Profile)}"
        ) from error


def _self_test_inputs(directory: Path, manifest: Manifest, model: Model) -> dict[str, Array] | None:
    file = _file_of(manifest, "self_test")
    if file is None or len(model.graph.inputs) != 1:
        return None
    name = model.graph.inputs[0]
    with np.load(io.BytesIO(_read(directory / file)), allow_pickle=False) as archive:
        real = np.asarray(archive["inputs"], np.float64)
    if real.shape[1:] != model.graph.tensors[name].shape[1:] or not len(real):
        raise ModelFileError(
            f"{directory / file}: inputs {real.shape}, "
            f"expected (K, …) as the model's {model.graph.tensors[name].shape}"
        )
    quant = quant_of(model.graph, name)
    codes = np.floor(real / quant.scale[0] + 0.5) + quant.zero_point
    return {name: np.clip(codes, CODE_MIN, CODE_MAX).astype(np.int8)}
