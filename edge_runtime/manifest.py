"""What a model bundle holds: `manifest.json`, schema "edge.bundle/1".

The device owns this contract; the quantizer writes it. A bundle is a directory NAME/VERSION/ of
plain files, each named in the manifest with its size and SHA-256.
"""

import hashlib
import re
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, get_args

import msgspec

from edge_runtime.decoders.shapes import check_decoder
from edge_runtime.decoders.specs import Decoder, Task
from edge_runtime.errors import BundleError
from edge_runtime.signals.inputs import SignalInput, check_scaling, check_signal

SCHEMA = "edge.bundle/1"
MANIFEST_NAME = "manifest.json"
FILE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
BUNDLE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,47}")
MAX_MANIFEST_BYTES = 1 << 20
MAX_VERSION = 999_999_999
MAX_SIDE_PX = 16_384


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


Preprocessing: TypeAlias = TensorInput | ImageInput | SignalInput
PREPROCESSING_KINDS = tuple(str(kind.__struct_config__.tag) for kind in get_args(Preprocessing))


class BundleFile(_Record, frozen=True):
    """One file of the bundle."""

    role: Literal["onnx", "tflite", "labels", "self_test", "calibration", "report", "page"]
    name: str
    bytes: int
    sha256: str


class SelfTest(_Record, frozen=True):
    """Known inputs and what each executor must answer.

    The file holds `inputs` (K, ...) float32 and, per executor in `max_lsb`, (K, ...) int8 codes of
    every output under its `answer_keys`.

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
    task: Task
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    preprocessing: Preprocessing
    decoder: Decoder | None
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
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
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
    if manifest.decoder is None:
        return
    shapes = {output.name: output.shape for output in manifest.outputs}
    image = manifest.preprocessing
    size_px = (image.width, image.height) if isinstance(image, ImageInput) else None
    try:
        check_decoder(manifest.decoder, shapes, len(manifest.labels), size_px)
    except BundleError as error:
        raise BundleError(f"manifest: {error}") from error


def check_preprocessing(spec: Preprocessing) -> None:
    """Refuse sizes that no device can take, and numbers that give none.

    Raises:
        BundleError: A size or number outside what the class allows; it is named.
    """
    match spec:
        case TensorInput():
            pass
        case ImageInput(width=width, height=height, colour=colour):
            _check_sizes({"width": width, "height": height}, MAX_SIDE_PX)
            check_scaling(spec.mean, spec.std, 1 if colour == "grey" else 3)
        case _:
            check_signal(spec)


def _check_sizes(sizes: dict[str, int], most: int) -> None:
    for name, size in sizes.items():
        if not 1 <= size <= most:
            raise BundleError(f"{name} {size}, allowed is 1 to {most}")


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


class Judge(Protocol):
    """Says whether a bundle may be used at all: `edge_runtime.models.signature.ModelKey`."""

    def check(self, directory: Path, manifest: bytes) -> None:
        """Raise BundleError where it may not."""


def load_bundle(directory: Path, judge: Judge | None = None) -> Manifest:
    """Return the manifest of a bundle after every file's size and SHA-256 have been checked.

    Args:
        directory: NAME/VERSION/.
        judge: Looks at the manifest's bytes before anything is parsed.

    Raises:
        BundleError: The directory is no bundle, or a file is missing, a link, or changed, or the
            judge refuses it.
    """
    path = directory / MANIFEST_NAME
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise BundleError(f"{directory}: no {MANIFEST_NAME}") from error
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror or error}") from error
    if judge is not None:
        judge.check(directory, data)
    manifest = decode_manifest(data)
    for file in manifest.files:
        check_file(directory, file)
    return manifest


def answer_keys(executor: str, outputs: int) -> tuple[str, ...]:
    """Return the self-test's names of an executor's answers, by output: "onnx", "onnx_1", ..."""
    return (executor, *(f"{executor}_{index}" for index in range(1, outputs)))


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
