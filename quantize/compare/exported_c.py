"""Exported C on this machine: what `edge-firmware export` wrote, built by the host's compiler.

The directory is read as a model format of its own (report.json and C files); nothing of the
exporter is imported. The code in it is run: compare what you exported yourself.
"""

import ctypes
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from quantize.errors import DataError, ModelError
from quantize.ir.graph import Array, DType, QuantParams, TensorType

RECORD = "report.json"
_SCHEMA = re.compile(r"edge\.firmware/\d+")
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_FLAGS = ("-std=c99", "-O2", "-shared", "-fPIC")
_DEADLINE_S = 300.0


class Port(msgspec.Struct, frozen=True):
    """An input or output of the code: shape with the batch of 1, how its codes mean reals."""

    name: str
    shape: tuple[int, ...]
    scale: float | None
    zero_point: int | None
    dtype: DType = DType.INT8

    @property
    def kind(self) -> TensorType:
        """What the quantizer calls it: codes, or the int32 of an index, which has no scale."""
        if self.scale is None or self.zero_point is None:
            return TensorType(self.shape, DType.INT32)
        return TensorType(self.shape, self.dtype, QuantParams((self.scale,), self.zero_point))


class _Record(msgspec.Struct, frozen=True):
    schema: str
    prefix: str
    files: list[str]
    inputs: list[Port] = []
    outputs: list[Port] = []


@dataclass(frozen=True, slots=True, eq=False)
class ExportedC:
    """An exported model, built and loaded; calling it gives the outputs by name.

    Attributes:
        inputs: In the order of the code's parameters.
        outputs: As the inputs.
        invoke: The code's function of pointers.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    invoke: Any

    def __call__(self, codes: Mapping[str, Array]) -> dict[str, Array]:
        """Return output codes (N, ...) of input codes (N, ...), one sample after the other.

        Raises:
            DataError: An input is missing.
        """
        missing = [port.name for port in self.inputs if port.name not in codes]
        if missing:
            raise DataError(f"{missing[0]}: no such input among {', '.join(codes)}")
        count = len(codes[self.inputs[0].name])
        given = [np.ascontiguousarray(codes[p.name], p.dtype.value) for p in self.inputs]
        made = [np.empty((count, *port.shape[1:]), port.kind.dtype.value) for port in self.outputs]
        for row in range(count):
            pointers = [values[row : row + 1].ctypes.data for values in (*given, *made)]
            self.invoke(*(ctypes.c_void_p(pointer) for pointer in pointers))
        return {port.name: values for port, values in zip(self.outputs, made, strict=True)}


def is_export(path: Path) -> bool:
    """Tell whether a path is a directory that holds an export's record."""
    return path.is_dir() and (path / RECORD).is_file()


def build_exported_c(directory: Path) -> ExportedC:
    """Return the code of an export directory, built for this machine.

    Raises:
        ModelError: The directory is not an export with code, or the compiler is missing or
            refuses it.
    """
    record = _read(directory)
    source = _source(directory, record)
    with tempfile.TemporaryDirectory(prefix="edge-quantize-") as folder:
        library = Path(folder, "model.so")
        _compile(source, library)
        loaded = ctypes.CDLL(str(library))  # stays mapped after the file is gone
    name = f"{record.prefix}_invoke"
    if not hasattr(loaded, name):
        raise ModelError(f"{name}: not in {source.name}; export the model again")
    return ExportedC(tuple(record.inputs), tuple(record.outputs), getattr(loaded, name))


def _read(directory: Path) -> _Record:
    path = directory / RECORD
    try:
        record = msgspec.json.decode(path.read_bytes(), type=_Record)
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelError(f"{path}: cannot be read ({error})") from error
    if not _SCHEMA.fullmatch(record.schema) or not _PREFIX.fullmatch(record.prefix):
        raise ModelError(f"{path}: {record.schema} {record.prefix!r}, expected edge.firmware/1")
    if not record.inputs or not record.outputs:
        raise ModelError(f"{path}: says nothing of inputs and outputs; export the model again")
    return record


def _source(directory: Path, record: _Record) -> Path:
    name = f"{record.prefix}.c"
    found = [directory / file for file in record.files if Path(file).name == name]
    if not found or not found[0].resolve().is_relative_to(directory.resolve()):
        raise ModelError(f"{directory}: no {name}; weights or model data alone cannot be run")
    return found[0]


def _compile(source: Path, library: Path) -> None:
    compiler = shutil.which("gcc")
    if compiler is None:
        raise ModelError("gcc: not installed; install Debian packages gcc and libc6-dev")
    done = subprocess.run(  # noqa: S603  # our own command, no shell
        [compiler, *_FLAGS, "-o", str(library), str(source.resolve())],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_DEADLINE_S,
        check=False,
    )
    if done.returncode:
        complaint = next((line for line in done.stderr.splitlines() if "error" in line), "")
        raise ModelError(f"{source.name}: gcc refuses it: {complaint or done.stderr[:200]}")
