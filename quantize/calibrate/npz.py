"""Arrays of an .npz file, read batch by batch: memory does not grow with the number of samples."""

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.errors import DataError

Array: TypeAlias = npt.NDArray[Any]
DAMAGED = (  # what reading a damaged .npy or .npz raises; numpy parses headers as Python
    zipfile.BadZipFile,
    zlib.error,
    tokenize.TokenError,
    SyntaxError,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    MemoryError,
    KeyError,
    RuntimeError,
    struct.error,
)


@dataclass(frozen=True, slots=True)
class Member:
    """One array of the file, not read yet.

    Attributes:
        path: The .npz file.
        name: The array's name in it.
        shape: Of the whole array, samples first.
        dtype: As stored.
        is_fortran: Stored column by column; such an array is read at once.
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_fortran: bool


def member_names(path: Path) -> tuple[str, ...]:
    """Return the names of the arrays in the file.

    Raises:
        DataError: No .npz file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except DAMAGED as error:
        raise DataError(f"{path}: not a readable .npz file ({error})") from error
    return tuple(name.removesuffix(".npy") for name in names if name.endswith(".npy"))


def open_member(path: Path, name: str) -> Member:
    """Return what the file says of one array.

    Raises:
        DataError: Damaged, or an array of Python objects (a pickle), which is never loaded.
    """
    with _stream(path, name) as stream:
        shape, is_fortran, dtype = _read_header(stream)
    if dtype.hasobject:
        raise DataError(f"{path}: {name} holds Python objects (a pickle), allowed are plain arrays")
    if not shape:
        raise DataError(f"{path}: {name} is a single value, expected samples on axis 0")
    return Member(path=path, name=name, shape=shape, dtype=dtype, is_fortran=is_fortran)


def read_whole(member: Member) -> Array:
    """Return the array."""
    with _stream(member.path, member.name) as stream:
        return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))


def read_batches(member: Member, size: int) -> Iterator[Array]:
    """Yield up to `size` samples at a time, in the order of the file."""
    if member.is_fortran:
        yield from _slices(read_whole(member), size)
        return
    with _stream(member.path, member.name) as stream:
        _read_header(stream)
        for start in range(0, member.shape[0], size):
            yield _read_rows(stream, member, min(size, member.shape[0] - start))


def _slices(values: Array, size: int) -> Iterator[Array]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _read_rows(stream: IO[bytes], member: Member, rows: int) -> Array:
    shape = (rows, *member.shape[1:])
    wanted = int(np.prod(shape)) * member.dtype.itemsize
    data = stream.read(wanted)
    if len(data) != wanted:
        raise DataError(f"{member.path}: {member.name} ends early, the file is truncated")
    return np.frombuffer(data, member.dtype).reshape(shape)


def _read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(stream)
    raise ValueError(f"array format {version}, allowed are (1, 0) and (2, 0)")


@contextmanager
def _stream(path: Path, name: str) -> Iterator[IO[bytes]]:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as stream:
            yield stream
    except DataError:
        raise
    except DAMAGED as error:
        raise DataError(f"{path}: {name} cannot be read ({error})") from error
