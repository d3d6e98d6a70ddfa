"""What a model bundle holds: `manifest.json`, schema "edge.bundle/1".

The device owns this contract; the quantizer writes it. A bundle is a directory NAME/VERSION/ of
plain files, each named in the manifest with its size and SHA-256.
"""

import hashlib
import math
import re
from pathlib import Path
from typing import Literal, assert_never

import msgspec

from edge_runtime.errors import BundleError

SCHEMA = "edge.bundle/1"
MANIFEST_NAME = "manifest.json"
FILE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
BUNDLE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,47}")
MAX_MANIFEST_BYTES = 1 << 20
MAX_VERSION = 999_999_999
MAX_SIDE_PX = 16_384
MAX_WINDOW_ROWS = 1_000_000


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Shared settings: immutable, unknown keys refused."""


class TensorSpec(_Record, frozen=True):
    """One input or output of the model.

    Attributes:
        name: In the ONNX file and the TFLite file alike.
        shape: Channels last, batch (1) first.
        scale: Of the int8 tensor in the TFLite file; the ONNX file's is float32 outside.
        zero_point: Likewise.
    """

    name: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int


class TensorInput(_Record, frozen=True, tag="tensor"):
    """The source delivers what the model takes, (T, C) or any shape of the right size."""


class ImageInput(_Record, frozen=True, tag="image"):
    """An image becomes (1, height, width, channels): resized, colours ordered, (x - mean) / std.

    Attributes:
        width: In pixels, 1 to MAX_SIDE_PX.
        height: Likewise.
        colour: Order of the channels that the model takes.
        resize: stretch ignores the aspect ratio, letterbox pads with grey (114), crop cuts
            the middle.
        mean: One per channel or one for all, in 0..255.
        std: Likewise, not 0.
    """

    width: int
    height: int
    colour: Literal["rgb", "bgr", "grey"] = "rgb"
    resize: Literal["stretch", "letterbox", "crop"] = "stretch"
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)


class WindowInput(_Record, frozen=True, tag="window"):
    """Rows of samples become (1, length, columns) or that flattened: (x - mean) / std.

    Attributes:
        columns: Names of the sensor's columns, in the model's order.
        length: Rows in a window, 1 to MAX_WINDOW_ROWS.
        step: Rows from one window to the next, likewise.
        mean: One per column, or one for all.
        std: Likewise, not 0.
    """

    columns: tuple[str, ...]
    length: int = 1
    step: int = 1
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)


class ClassificationDecoder(_Record, frozen=True, tag="classification"):
    """Scores to classes. `activation` says what the model leaves to do."""

    output: str
    activation: Literal["none", "softmax", "logistic"] = "none"
    top_k: int = 3


class RegressionDecoder(_Record, frozen=True, tag="regression"):
    """One number per name: raw * scale + offset."""

    output: str
    names: tuple[str, ...]
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""


class AnomalyDecoder(_Record, frozen=True, tag="anomaly"):
    """Mean squared reconstruction error ("reconstruction"), or the output itself ("score")."""

    output: str
    threshold: float
    method: Literal["reconstruction", "score"] = "reconstruction"


class BundleFile(_Record, frozen=True):
    """One file of the bundle."""

    role: Literal["onnx", "tflite", "labels", "self_test", "calibration", "report", "page"]
    name: str
    bytes: int
    sha256: str


class SelfTest(_Record, frozen=True):
    """Known inputs and what each executor must answer.

    The file holds `inputs` (K, ...) float32 and, per executor E in `max_lsb`, `E` (K, ...) int8
    codes of output 0.

    Attributes:
        samples: K.
        max_lsb: Executor ("onnx", "tflite") to the greatest difference allowed, in output codes.
    """

    samples: int
    max_lsb: dict[str, int]


class Calibration(_Record, frozen=True):
    """What the ranges were learned from."""

    samples: int
    data_sha256: str


class Provenance(_Record, frozen=True):
    """Where the integers come from."""

    model_sha256: str
    model_format: str
    profile: str
    versions: dict[str, str]
    recipe: dict[str, str | int | float | bool | list[str]]


class Manifest(_Record, frozen=True):
    """The whole of `manifest.json`."""

    schema: Literal["edge.bundle/1"]
    name: str
    version: int
    task: Literal["classification", "regression", "anomaly", "tensor"]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    preprocessing: TensorInput | ImageInput | WindowInput
    decoder: ClassificationDecoder | RegressionDecoder | AnomalyDecoder | None
    labels: tuple[str, ...]
    files: tuple[BundleFile, ...]
    self_test: SelfTest
    calibration: Calibration
    provenance: Provenance
    metrics: dict[str, float]


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the manifest as JSON, indented, the same bytes for the same manifest."""
    return (
        msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=1) + b"\n"
    )


def decode_manifest(data: bytes) -> Manifest:
    """Return the manifest that `data` holds.

    Raises:
        BundleError: Not JSON, an unknown key, a wrong type, an illegal name.
    """
    if len(data) > MAX_MANIFEST_BYTES:
        raise BundleError(f"manifest: {len(data)} bytes, allowed are {MAX_MANIFEST_BYTES}")
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.DecodeError as error:
        raise BundleError(f"manifest: {error}") from error
    _check_names(manifest)
    _check_decoder(manifest)
    try:
        check_preprocessing(manifest.preprocessing)
    except BundleError as error:
        raise BundleError(f"manifest: preprocessing: {error}") from error
    return manifest


def _check_decoder(manifest: Manifest) -> None:
    """Refuse a decoder that would fail on every frame, or name classes wrongly."""
    decoder = manifest.decoder
    if decoder is None:
        return
    sizes = {output.name: math.prod(output.shape) for output in manifest.outputs}
    if decoder.output not in sizes:
        raise BundleError(f"manifest: decoder of {decoder.output!r}, the outputs are {[*sizes]}")
    size = sizes[decoder.output]
    if isinstance(decoder, RegressionDecoder) and len(decoder.names) != size:
        raise BundleError(f"manifest: {len(decoder.names)} names, the model has {size} values")
    if isinstance(decoder, ClassificationDecoder):
        classes = max(size, 2)  # a lone score tells "no" from "yes"
        if manifest.labels and len(manifest.labels) != classes:
            count = len(manifest.labels)
            raise BundleError(f"manifest: {count} labels, the model has {classes} classes")
        if decoder.top_k < 1:
            raise BundleError(f"manifest: top_k {decoder.top_k}, allowed is 1 and above")


def check_preprocessing(spec: TensorInput | ImageInput | WindowInput) -> None:
    """Refuse sizes that no device can take, and numbers that give none.

    Raises:
        BundleError: A size or number outside what the class allows; it is named.
    """
    match spec:
        case TensorInput():
            pass
        case ImageInput(width=width, height=height, colour=colour):
            _check_sizes({"width": width, "height": height}, MAX_SIDE_PX)
            _check_scaling(spec.mean, spec.std, 1 if colour == "grey" else 3)
        case WindowInput(columns=columns, length=length, step=step):
            if not columns or len(set(columns)) != len(columns):
                raise BundleError(f"columns {columns}, allowed are different names, at least one")
            _check_sizes({"length": length, "step": step}, MAX_WINDOW_ROWS)
            _check_scaling(spec.mean, spec.std, len(columns))
        case _:
            assert_never(spec)


def _check_sizes(sizes: dict[str, int], most: int) -> None:
    for name, size in sizes.items():
        if not 1 <= size <= most:
            raise BundleError(f"{name} {size}, allowed is 1 to {most}")


def _check_scaling(mean: tuple[float, ...], std: tuple[float, ...], channels: int) -> None:
    for name, values in {"mean": mean, "std": std}.items():
        if len(values) not in {1, channels}:
            raise BundleError(f"{name} has {len(values)} numbers, allowed is 1 or {channels}")
        if not all(math.isfinite(value) for value in values):
            raise BundleError(f"{name} {values}, allowed are finite numbers")
    if 0.0 in std:
        raise BundleError(f"std {std}, allowed is anything but 0")


def _check_names(manifest: Manifest) -> None:
    if not BUNDLE_NAME.fullmatch(manifest.name):
        raise BundleError(f"manifest: name {manifest.name!r}, allowed is {BUNDLE_NAME.pattern}")
    if not 1 <= manifest.version <= MAX_VERSION:
        raise BundleError(f"manifest: version {manifest.version}, allowed is 1 to {MAX_VERSION}")
    names = [file.name for file in manifest.files]
    for name in names:
        if not FILE_NAME.fullmatch(name):
            raise BundleError(f"manifest: file {name!r}, allowed is {FILE_NAME.pattern}")
    if len(set(names)) != len(names):
        raise BundleError("manifest: a file is named twice")


def load_bundle(directory: Path) -> Manifest:
    """Return the manifest of a bundle after every file's size and SHA-256 have been checked.

    Raises:
        BundleError: The directory is no bundle, or a file is missing, a link, or changed.
    """
    path = directory / MANIFEST_NAME
    if not path.is_file():
        raise BundleError(f"{directory}: no {MANIFEST_NAME}")
    manifest = decode_manifest(path.read_bytes())
    for file in manifest.files:
        check_file(directory, file)
    return manifest


def check_file(directory: Path, file: BundleFile) -> None:
    """Refuse a file that is not what the manifest says.

    Raises:
        BundleError: Missing, a symbolic link, another size or another SHA-256.
    """
    path = directory / file.name
    if path.is_symlink() or not path.is_file():
        raise BundleError(f"{path}: not a plain file")
    size = path.stat().st_size
    if size != file.bytes:
        raise BundleError(f"{path}: {size} bytes, the manifest says {file.bytes}")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != file.sha256:
        raise BundleError(f"{path}: SHA-256 {digest[:12]}…, the manifest says {file.sha256[:12]}…")


def file_of(manifest: Manifest, role: str) -> BundleFile | None:
    """Return the bundle's file of a role, None where it has none."""
    return next((file for file in manifest.files if file.role == role), None)
