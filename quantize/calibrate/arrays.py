"""Data of an .npz file: `x` (N, ...), optional `y` and `group`; arrays are what the model takes."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from quantize.calibrate.dataset import Batch, Dataset, ModelInput, as_input, checked, source_shape
from quantize.calibrate.npz import (
    Array,
    Member,
    member_names,
    open_member,
    read_batches,
    read_whole,
)
from quantize.errors import DataError


def open_arrays(path: Path, inputs: Sequence[ModelInput]) -> Dataset:
    """Return the data of an .npz file.

    One input reads `x`, several read the arrays of their names. Integers are cast to float32; an
    array in the source's layout (channels first) is permuted.

    Raises:
        DataError: Damaged, an array is missing, empty, of another shape or no number.
    """
    names = member_names(path)
    keys = ["x"] if len(inputs) == 1 else [model_input.name for model_input in inputs]
    missing = [key for key in keys if key not in names]
    if missing:
        raise DataError(
            f"{path}: no array {', '.join(missing)}, it has {', '.join(names) or 'none'}"
        )
    members = [_open_input(path, key, entry) for key, entry in zip(keys, inputs, strict=True)]
    samples = members[0].shape[0]
    for member in members:
        if member.shape[0] != samples:
            raise DataError(
                f"{path}: {member.name} has {member.shape[0]} samples, {keys[0]} {samples}"
            )
    return Dataset(
        name=path.name,
        samples=samples,
        labels=_labels(path, samples) if "y" in names else None,
        groups=_column(path, "group", samples) if "group" in names else None,
        class_names=(),
        sha256=file_sha256(path),
        read=lambda size: checked(path.name, _read(members, inputs, size), inputs),
    )


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, read piece by piece."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def as_labels(name: str, values: Array) -> Array:
    """Return labels as int64 (N,), or targets as float32 (N,) or (N, K).

    Raises:
        DataError: Not finite, not numbers, or of more than two axes.
    """
    if values.dtype.kind not in "biuf" or values.ndim not in (1, 2):
        raise DataError(
            f"{name}: labels of type {values.dtype} and shape {values.shape},"
            " allowed are numbers (N,) or (N, K)"
        )
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise DataError(f"{name}: a label is NaN or infinite, allowed are finite numbers")
    flat = values.reshape(-1) if values.shape[1:] == (1,) else values
    return flat.astype(np.float32 if flat.dtype.kind == "f" or flat.ndim == 2 else np.int64)


def _open_input(path: Path, key: str, model_input: ModelInput) -> Member:
    member = open_member(path, key)
    if member.dtype.kind not in "biuf":
        raise DataError(f"{path}: {key} has type {member.dtype}, allowed are numbers")
    if not member.shape[0]:
        raise DataError(f"{path}: {key} holds no samples")
    shape, allowed = member.shape[1:], model_input.shape[1:]
    is_column = not shape and allowed == (1,)
    if shape not in (allowed, source_shape(model_input)) and not is_column:
        raise DataError(f"{path}: {key} has samples of shape {shape}, the model takes {allowed}")
    return member


def _read(members: Sequence[Member], inputs: Sequence[ModelInput], size: int) -> Iterator[Batch]:
    readers = [read_batches(member, size) for member in members]
    for parts in zip(*readers, strict=True):
        yield {
            model_input.name: as_input(part, model_input)
            for part, model_input in zip(parts, inputs, strict=True)
        }


def _labels(path: Path, samples: int) -> Array:
    return as_labels(path.name, _column(path, "y", samples))


def _column(path: Path, name: str, samples: int) -> Array:
    member = open_member(path, name)
    if member.shape[0] != samples:
        raise DataError(f"{path}: {name} has {member.shape[0]} entries for {samples} samples")
    return read_whole(member)
