"""Data of a folder: images or .npy files, labelled by `labels.csv` or by their folders."""

import csv
import hashlib
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from quantize.calibrate.arrays import file_sha256
from quantize.calibrate.dataset import Batch, Dataset, ModelInput, as_input, checked
from quantize.calibrate.labels import ReadLabels, parse_labels
from quantize.calibrate.npz import DAMAGED, Array
from quantize.errors import DataError

Prepare: TypeAlias = Callable[[Path], Array]  # an image file as (1, ...) float32
IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})
LABELS_NAME = "labels.csv"


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """A file, and the name of its class where it has one."""

    path: Path
    label: str | None


def open_folder(
    folder: Path, model_input: ModelInput, prepare: Prepare, class_names: Sequence[str]
) -> Dataset:
    """Return the data of a folder, in the order of labels.csv or of the file names.

    An .npy file holds one sample as the model takes it; an image passes through `prepare`.

    Raises:
        DataError: No samples, a file that labels.csv names is missing, unknown labels.
    """
    samples = list_files(folder, IMAGE_SUFFIXES | {".npy"})
    labels = labels_of(folder.name, samples, class_names)
    return Dataset(
        name=folder.name,
        samples=len(samples),
        labels=None if labels is None else labels.values,
        groups=None,
        class_names=() if labels is None else labels.class_names,
        sha256=files_sha256(folder, samples),
        read=lambda size: checked(
            folder.name, _read(samples, model_input, prepare, size), [model_input]
        ),
        files=tuple(sample.path.relative_to(folder).as_posix() for sample in samples),
    )


def list_files(folder: Path, suffixes: AbstractSet[str]) -> tuple[LabelledFile, ...]:
    """Return the files with these endings, in the order of labels.csv or of their names.

    Raises:
        DataError: None, one that labels.csv names is missing, or files beside folders of classes.
    """
    table = folder / LABELS_NAME
    files = _from_table(folder, table) if table.is_file() else _from_folders(folder, suffixes)
    if not files:
        raise DataError(
            f"{folder}: no samples; expected images, .npy or .wav files, with {LABELS_NAME}"
            " or in a folder per class"
        )
    return files


def _from_table(folder: Path, table: Path) -> tuple[LabelledFile, ...]:
    try:
        with table.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            columns = reader.fieldnames or ()
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table}: cannot be read ({error})") from error
    if not {"file", "label"} <= set(columns):
        raise DataError(f"{table}: columns {', '.join(columns)}, expected file, label")
    return tuple(_from_row(folder, table, row) for row in rows)


def _from_row(folder: Path, table: Path, row: dict[str, str]) -> LabelledFile:
    path = folder / (row["file"] or "")
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        raise DataError(f"{table}: {row['file']!r} is no file in {folder}")
    if not row["label"]:
        raise DataError(f"{table}: {row['file']!r} has no label")
    return LabelledFile(path, row["label"].strip())


def _from_folders(folder: Path, suffixes: AbstractSet[str]) -> tuple[LabelledFile, ...]:
    classes = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    labelled = [
        LabelledFile(path, entry.name) for entry in classes for path in _files_in(entry, suffixes)
    ]
    loose = [LabelledFile(path, None) for path in _files_in(folder, suffixes)]
    if labelled and loose:
        raise DataError(
            f"{folder}: {loose[0].path.name} lies beside folders of classes; put it into one"
        )
    return tuple(labelled or loose)


def _files_in(folder: Path, suffixes: AbstractSet[str]) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.is_file() and path.suffix.lower() in suffixes
    )


def labels_of(
    name: str, samples: Sequence[LabelledFile], class_names: Sequence[str]
) -> ReadLabels | None:
    """Return the classes of files, None where none of them has one."""
    words = [sample.label for sample in samples if sample.label is not None]
    return parse_labels(name, words, class_names) if words else None


def files_sha256(folder: Path, samples: Sequence[LabelledFile]) -> str:
    """Return a hash over the names, labels and contents of files."""
    digest = hashlib.sha256()
    for sample in samples:
        name = sample.path.relative_to(folder).as_posix()
        digest.update(f"{name}\0{sample.label}\0{file_sha256(sample.path)}\n".encode())
    return digest.hexdigest()


def _read(
    samples: Sequence[LabelledFile], model_input: ModelInput, prepare: Prepare, size: int
) -> Iterator[Batch]:
    for start in range(0, len(samples), size):
        parts = [
            _load(sample.path, model_input, prepare) for sample in samples[start : start + size]
        ]
        yield {model_input.name: np.concatenate(parts)}


def _load(path: Path, model_input: ModelInput, prepare: Prepare) -> Array:
    if path.suffix.lower() != ".npy":
        return prepare(path)
    values = _load_array(path)
    has_batch = values.ndim == len(model_input.shape) and values.shape[0] == 1
    values = as_input(values if has_batch else values[np.newaxis], model_input)
    if values.shape != model_input.shape:
        raise DataError(
            f"{path}: shape {values.shape[1:]}, the model takes {model_input.shape[1:]}"
        )
    return values


def _load_array(path: Path) -> Array:
    try:
        values = np.asarray(np.load(path, allow_pickle=False))
    except DAMAGED as error:
        raise DataError(f"{path}: not a readable array ({error})") from error
    if values.dtype.kind not in "biuf":
        raise DataError(f"{path}: type {values.dtype}, allowed are numbers")
    return values
