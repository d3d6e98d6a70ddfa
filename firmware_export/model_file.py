"""The model to export: a file or a bundle becomes a graph, with the inputs to test it on."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from edge_runtime.errors import BundleError
from edge_runtime.manifest import MANIFEST_NAME, Manifest, Preprocessing, load_bundle
from firmware_export.errors import ModelFileError
from quantize.ir.graph import Array, DType, IntGraph
from quantize.ir.integer_params import code_limits, quant_of
from quantize.ir.ops import ArgMax
from quantize.load.open import ModelFormat, open_model


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A model as it was found.

    Attributes:
        name: From the bundle, or the file's name without its ending.
        sha256: Of the model file.
        inputs: Inputs (N, ...), codes, that came with it, None where none did.
        tflite: The TFLite file that it was read from, None for another format.
        preprocessing: What the bundle says of the input, None where it was no bundle.
    """

    name: str
    graph: IntGraph
    sha256: str
    inputs: Mapping[str, Array] | None = None
    tflite: bytes | None = None
    preprocessing: Preprocessing | None = None


def load_model(path: Path) -> Model:
    """Return the model of an int8 TFLite file, a QDQ ONNX file of ours, or a bundle directory.

    Raises:
        ModelFileError: The bundle cannot be read, or the model is not quantized.
        QuantizeError: The loader refuses the file or what is in it.
    """
    return _load_bundle(path) if path.is_dir() else _load_file(path)


def _load_file(path: Path) -> Model:
    opened = open_model(path)
    if not isinstance(opened.content, IntGraph):
        raise ModelFileError(f"{path}: a float model; quantize it first with edge-quantize run")
    _refuse_other_types(path, opened.content)
    tflite = opened.data if opened.format is ModelFormat.TFLITE else None
    return Model(opened.name, opened.content, opened.sha256, tflite=tflite)


def _refuse_other_types(path: Path, graph: IntGraph) -> None:
    """Refuse what no kernel of ours computes: the C has integers only."""
    indices = {operation.output for operation in graph.operations if isinstance(operation, ArgMax)}
    made = (operation.output for operation in graph.operations if operation.output not in indices)
    for name in (*graph.inputs, *made):
        kind = graph.tensors[name].dtype
        if kind not in {DType.INT8, DType.INT16}:
            raise ModelFileError(
                f"{path}: {name} is {kind}, the C kernels are of integers; quantize without"
                " float_layers, which a budget may have chosen"
            )


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
    model = _load_file(found / file)
    inputs = _self_test_inputs(found, manifest, model)
    graph = replace(model.graph, name=manifest.name)
    return Model(manifest.name, graph, model.sha256, inputs, model.tflite, manifest.preprocessing)


def _newest_version(directory: Path) -> Path:
    """Return NAME/VERSION/ of the highest version where `directory` is NAME/."""
    if (directory / MANIFEST_NAME).exists():
        return directory
    versions = [entry for entry in directory.iterdir() if entry.name.isdecimal()]
    return max(versions, key=lambda entry: int(entry.name), default=directory)


def _file_of(manifest: Manifest, role: str) -> str | None:
    return next((file.name for file in manifest.files if file.role == role), None)


def _self_test_inputs(directory: Path, manifest: Manifest, model: Model) -> dict[str, Array] | None:
    file = _file_of(manifest, "self_test")
    if file is None or len(model.graph.inputs) != 1:
        return None
    name = model.graph.inputs[0]
    real = _read_inputs(directory / file)
    if real.shape[1:] != model.graph.tensors[name].shape[1:] or not len(real):
        raise ModelFileError(
            f"{directory / file}: inputs {real.shape}, "
            f"expected (K, …) as the model's {model.graph.tensors[name].shape}"
        )
    quant = quant_of(model.graph, name)
    codes = np.floor(real / quant.scale[0] + 0.5) + quant.zero_point
    dtype = model.graph.tensors[name].dtype
    return {name: np.clip(codes, *code_limits(dtype)).astype(dtype.value)}


def _read_inputs(path: Path) -> Array:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            return np.asarray(archive["inputs"], np.float64)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise ModelFileError(f"{path}: no .npz file with inputs: {error}") from error
