"""The record of an export, report.json: what was made, and what it costs."""

from pathlib import Path
from typing import TypeVar

import msgspec

from firmware_export.c_text import check_prefix
from firmware_export.errors import ExportDirectoryError, NamingError

SCHEMA_FAMILY = "edge.firmware/"
SCHEMA = f"{SCHEMA_FAMILY}1"
FILE_NAME = "report.json"

T = TypeVar("T")


class LayerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What one operation costs.

    Attributes:
        calls: How many kernels it calls.
        live_bytes: What must be in memory while it runs.
        instructions: Of its kernels in one inference, where a run has counted them.
    """

    name: str
    operation: str
    output_shape: tuple[int, ...]
    macs: int
    calls: int
    constants_bytes: int
    live_bytes: int
    arena_offset: int
    instructions: int | None = None


class BandsRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How the first layers are cut, and what the model takes without that.

    Attributes:
        operations: How many of the first ones.
        bands: Into how many bands of rows.
        macs_whole: Products without bands.
        arena_bytes_whole: The arena without bands.
    """

    operations: int
    bands: int
    macs_whole: int
    arena_bytes_whole: int


class PortRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An input or output: shape with the batch of 1, real = scale * (code - zero_point).

    `dtype` is int8 or int16 of codes; an index has no scale and is int32.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "int8"
    scale: float | None
    zero_point: int | None


class ModelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Which model this is: its name, the hash of its file, whose arithmetic it had and has now."""

    name: str
    sha256: str
    original_profile: str
    profile: str


class Footprint(msgspec.Struct, frozen=True, kw_only=True):
    """What the linked code needs, measured with `compiler`; stack is the deepest chain of calls."""

    compiler: str
    flash_bytes: int
    static_bytes: int
    stack_bytes: int


class ExportRecord(msgspec.Struct, frozen=True, kw_only=True):
    """report.json.

    Attributes:
        flash_bytes: Code and constants; without a compiler the constants alone.
        ram_bytes: Static memory (the arena) and stack; without a compiler the arena alone.
        stack_bytes: None without a compiler.
        compiler: Its command and version, None where it is not installed.
        peak_layer: The operation during which most bytes are alive.
        peak_buffers: What is alive then, and its bytes.
        external_bytes: Of flash_bytes, what EDGE_EXTERNAL_SECTION moves to external flash.
        bands: None where the layers are computed whole.
        files: Every file of the export, sorted.
        notes: What a reader has to know besides.
        inputs: In the order of the parameters of PREFIX_invoke.
        outputs: As the inputs, behind them.
    """

    schema: str
    version: str
    target: str
    prefix: str
    profile: str
    model: ModelRecord
    vectors: int
    macs: int
    constants_bytes: int
    flash_bytes: int
    ram_bytes: int
    arena_bytes: int
    arena_bound_bytes: int
    stack_bytes: int | None
    compiler: str | None
    peak_layer: str
    files: list[str]
    notes: list[str]
    layers: list[LayerRecord]
    peak_buffers: dict[str, int] = {}
    external_bytes: int = 0
    bands: BandsRecord | None = None
    inputs: list[PortRecord] = []
    outputs: list[PortRecord] = []

    @property
    def source_folder(self) -> str:
        """Where the C files are below the export: "" or a path that ends in a slash."""
        source = f"{self.prefix}.c"
        paths = (name for name in self.files if name.rsplit("/", 1)[-1] == source)
        return next(paths, source).removesuffix(source)


class VerifyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What running the golden vectors showed, beside what the export costs.

    Attributes:
        differing_bytes: Over all outputs of all vectors.
        instructions: Of one inference, the most of all vectors; None on the host. Those of the
            layers are the first vector's.
        stack_bytes: Written below the caller of PREFIX_run; on the host as the compiler says.
        ram_bytes: Static memory and stack.
    """

    target: str
    machine: str
    prefix: str
    profile: str
    compiler: str
    vectors: int
    differing_bytes: int
    first_difference: int | None
    instructions: int | None
    macs: int
    flash_bytes: int
    ram_bytes: int
    arena_bytes: int
    stack_bytes: int
    layers: list[LayerRecord]


def encode_record(record: msgspec.Struct) -> bytes:
    """Return a record as indented JSON with a line end."""
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"


class _Manifest(msgspec.Struct, frozen=True):
    """What the record of any version holds."""

    schema: str
    files: list[str]


def read_owned_files(directory: Path) -> set[str]:
    """Return the files that an export of any version wrote into `directory`.

    Raises:
        ExportDirectoryError: The directory is not ours.
    """
    manifest = _decode(directory / FILE_NAME, _Manifest)
    if not manifest.schema.startswith(SCHEMA_FAMILY):
        raise ExportDirectoryError(f"{directory / FILE_NAME}: schema {manifest.schema!r}")
    return set(manifest.files)


def read_record(directory: Path) -> ExportRecord:
    """Return the record of an exported directory.

    Raises:
        ExportDirectoryError: There is none, or it is not ours.
    """
    path = directory / FILE_NAME
    record = _decode(path, ExportRecord)
    if record.schema != SCHEMA:
        raise ExportDirectoryError(f"{path}: schema {record.schema!r}, expected {SCHEMA!r}")
    try:
        check_prefix(record.prefix)  # it becomes file names
    except NamingError as error:
        raise ExportDirectoryError(f"{path}: {error}") from error
    return record


def _decode(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise ExportDirectoryError(f"{path}: {error.strerror or error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ExportDirectoryError(
            f"{path}: not written by edge-firmware export: {error}"
        ) from error
