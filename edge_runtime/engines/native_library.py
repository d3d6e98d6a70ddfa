"""A model as a shared object, built from the C of `edge-firmware export --package shared-object`.

Loading one runs its code as this process: it comes from the configuration, never from a bundle
(docs/adr/0035), and must be a file that only its owner can change.
"""

import ctypes
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import EngineError

Codes: TypeAlias = npt.NDArray[np.int8]
ABI = 1
_SHA256_DIGITS = 64


class NativeLibrary:
    """A loaded model that takes and gives int8 codes; used by one thread at a time.

    Attributes:
        model_sha256: Of the model file that it was exported from.
        input_sizes: In bytes, in the model's order.
        output_sizes: Likewise.
    """

    def __init__(self, path: Path) -> None:
        """Load a library that is ours, and let it test itself.

        Raises:
            EngineError: Not there, open to others, no library of ours, or it fails its self-test.
        """
        _check_owner(path)
        try:
            library = ctypes.CDLL(str(path), mode=os.RTLD_LOCAL | os.RTLD_NOW)
            _declare(library)
        except (OSError, AttributeError) as error:
            raise EngineError(f"engine native: {path}: {error}") from error
        _check_abi(path, library)
        self._run: Callable[[], None] = library.edge_model_run
        digest = library.edge_model_sha256()
        self.model_sha256 = digest.decode("ascii", "replace")[:_SHA256_DIGITS]
        self._inputs = _tensors(library.edge_model_input, library.edge_model_input_count())
        self._outputs = _tensors(library.edge_model_output, library.edge_model_output_count())
        self.input_sizes = tuple(tensor.size for tensor in self._inputs)
        self.output_sizes = tuple(tensor.size for tensor in self._outputs)
        differs_at = library.edge_model_selftest()
        if differs_at != -1:
            raise EngineError(f"engine native: {path}: its self-test differs at byte {differs_at}")

    def run(self, inputs: Sequence[npt.NDArray[np.integer]]) -> list[Codes]:
        """Return the outputs, flat, of inputs of the right sizes in the model's order.

        Raises:
            EngineError: Another number of codes than the model takes.
        """
        sizes = tuple(codes.size for codes in inputs)
        if sizes != self.input_sizes:
            raise EngineError(
                f"engine native: inputs of {sizes} codes, expected {self.input_sizes}"
            )
        for tensor, codes in zip(self._inputs, inputs, strict=True):
            tensor[:] = codes.reshape(-1)
        self._run()
        return [tensor.copy() for tensor in self._outputs]


def _check_owner(path: Path) -> None:
    try:
        status = path.stat(follow_symlinks=False)
    except OSError as error:
        raise EngineError(f"engine native: {path}: {error.strerror or error}") from error
    if not stat.S_ISREG(status.st_mode):
        raise EngineError(f"engine native: {path}: not a plain file")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or status.st_uid not in {0, os.geteuid()}:
        raise EngineError(
            f"engine native: {path}: mode {stat.S_IMODE(status.st_mode):04o} of user "
            f"{status.st_uid}, allowed is a file of root or of ours that nobody else can write"
        )


def _declare(library: Any) -> None:
    """Say what the functions take and give; a missing one is an AttributeError."""
    size = ctypes.POINTER(ctypes.c_uint32)
    for name in ("edge_model_abi", "edge_model_input_count", "edge_model_output_count"):
        getattr(library, name).restype = ctypes.c_uint32
    library.edge_model_sha256.restype = ctypes.c_char_p
    library.edge_model_run.restype = None
    library.edge_model_selftest.restype = ctypes.c_int32
    for name in ("edge_model_input", "edge_model_output"):
        getattr(library, name).restype = ctypes.POINTER(ctypes.c_int8)
        getattr(library, name).argtypes = [ctypes.c_uint32, size]


def _check_abi(path: Path, library: Any) -> None:
    found = library.edge_model_abi()
    if found != ABI:
        raise EngineError(f"engine native: {path}: interface {found}, allowed is {ABI}")


def _tensors(pointer_of: Any, count: int) -> list[Codes]:
    """Return the library's own memory of each tensor as an array."""
    found = []
    for index in range(count):
        size = ctypes.c_uint32()
        pointer = pointer_of(index, ctypes.byref(size))
        found.append(np.ctypeslib.as_array(pointer, (size.value,)))
    return found
