"""A model file, whatever it is: told by its content, opened by the loader that knows it."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from quantize.errors import ModelError
from quantize.ir.graph import IntGraph
from quantize.load.loaded import LoadedModel
from quantize.load.onnx_model import load_onnx
from quantize.load.onnx_qdq import is_qdq_onnx, load_qdq_onnx
from quantize.load.tflite_model import is_int8_tflite, load_float_tflite, load_int8_tflite

_TFLITE_AT_4 = b"TFL3"
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_PICKLE_SUFFIXES = frozenset({".pkl", ".pickle", ".joblib"})
_KERAS_SUFFIXES = frozenset({".h5", ".hdf5", ".keras"})
_TORCH_SUFFIXES = frozenset({".pt", ".pth"})


class ModelFormat(StrEnum):
    """The file formats that we read."""

    ONNX = "onnx"
    TFLITE = "tflite"


@dataclass(frozen=True, slots=True, eq=False)
class OpenedModel:
    """A model file and what it holds.

    Attributes:
        name: The file's, without its suffix.
        format: Of the file.
        data: The file's bytes.
        content: The float model, or the integers of a model that is quantized already.
    """

    name: str
    format: ModelFormat
    data: bytes
    content: LoadedModel | IntGraph

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file."""
        return hashlib.sha256(self.data).hexdigest()


def open_model(path: Path) -> OpenedModel:
    """Return the model in a file: float or int8, ONNX or TFLite.

    Raises:
        ModelError: Missing, empty, a pickle, or none of the formats.
        UnsupportedModelError: Sound, but with things that we do not support.
    """
    data = _read(path)
    if data[4:8] == _TFLITE_AT_4:
        return OpenedModel(path.stem, ModelFormat.TFLITE, data, _load_tflite(data, path.stem))
    _refuse_foreign(path, data)
    return OpenedModel(path.stem, ModelFormat.ONNX, data, _load_onnx(data, path.stem))


def open_float_model(path: Path) -> tuple[OpenedModel, LoadedModel]:
    """Return a float model; errors as `open_model`, and int8 models are refused."""
    opened = open_model(path)
    if isinstance(opened.content, IntGraph):
        raise ModelError(f"{path}: quantized already, expected a float model")
    return opened, opened.content


def _read(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        kind = "a directory" if path.is_dir() else "no regular file"
        raise ModelError(f"{path}: {kind}, expected an ONNX or TFLite file")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from error
    if not data:
        raise ModelError(f"{path}: empty, expected an ONNX or TFLite file")
    return data


def _load_tflite(data: bytes, name: str) -> LoadedModel | IntGraph:
    if is_int8_tflite(data, name):
        return load_int8_tflite(data, name)
    return LoadedModel(load_float_tflite(data, name))


def _load_onnx(data: bytes, name: str) -> LoadedModel | IntGraph:
    return load_qdq_onnx(data, name) if is_qdq_onnx(data) else load_onnx(data, name)


def _refuse_foreign(path: Path, data: bytes) -> None:
    suffix = path.suffix.lower()
    if suffix in _PICKLE_SUFFIXES or data[:1] == b"\x80":
        raise ModelError(
            f"{path}: a pickle runs code when it is loaded; convert the estimator with"
            " skl2onnx.to_onnx(model, X[:1].astype('float32')) and give the .onnx file"
        )
    if suffix in _KERAS_SUFFIXES or data.startswith(_HDF5):
        raise ModelError(
            f"{path}: a Keras file; convert it with tf.lite.TFLiteConverter.from_keras_model or"
            " tf2onnx and give the .tflite or .onnx file"
        )
    if suffix in _TORCH_SUFFIXES or data.startswith(_ZIP):
        raise ModelError(
            f"{path}: an archive (PyTorch?); export the model with torch.onnx.export and give the"
            " .onnx file"
        )
