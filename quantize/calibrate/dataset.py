"""Data sets: what the model is shown, in batches, with the labels that go with it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.calibrate.npz import Array
from quantize.errors import DataError

Batch: TypeAlias = Mapping[str, npt.NDArray[np.float32]]
Reader: TypeAlias = Callable[[int], Iterator[Batch]]


@dataclass(frozen=True, slots=True)
class ModelInput:
    """What the model takes at one input.

    Attributes:
        name: Of the tensor.
        shape: Channels last, batch (1) first.
        permutation: Axis i of ours is axis permutation[i] of the source's; None where they agree.
    """

    name: str
    shape: tuple[int, ...]
    permutation: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Samples that can be read again and again, a batch at a time.

    Attributes:
        name: For messages.
        samples: How many there are, at least 1.
        labels: (N,) int64 classes, (N,) or (N, K) float32 targets, None where there are none.
        groups: (N,) names or numbers of the groups that metrics are also given for, or None.
        class_names: Of the classes that `labels` counts, where the data says them.
        sha256: Of the files.
        read: Yields batches of up to so many samples by input name, float32, checked.
        files: Name of each sample's file below the folder; empty where samples have none.
        columns: Names of the columns of a table; empty where the data says none.
    """

    name: str
    samples: int
    labels: Array | None
    groups: Array | None
    class_names: tuple[str, ...]
    sha256: str
    read: Reader
    files: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


def source_shape(model_input: ModelInput) -> tuple[int, ...]:
    """Return the shape of a sample in the layout of the file that the model came from."""
    if model_input.permutation is None:
        return model_input.shape[1:]
    source = [0] * len(model_input.shape)
    for ours, theirs in enumerate(model_input.permutation):
        source[theirs] = model_input.shape[ours]
    return tuple(source[1:])


def as_input(values: Array, model_input: ModelInput) -> npt.NDArray[np.float32]:
    """Return samples (N, ...) as float32 in the model's layout; the source's layout is permuted.

    Where both layouts have the same shape, the samples are in the source's.
    """
    if values.ndim == 1:
        values = values.reshape(-1, 1)
    if model_input.permutation is not None and values.shape[1:] == source_shape(model_input):
        values = values.transpose(model_input.permutation)
    with np.errstate(over="ignore"):  # a float64 too large becomes infinity, which is refused
        return np.ascontiguousarray(values, dtype=np.float32)


def checked(name: str, batches: Iterator[Batch], inputs: Sequence[ModelInput]) -> Iterator[Batch]:
    """Yield the batches as they are, as long as shapes fit and every value is finite.

    Raises:
        DataError: A sample of another shape, or with NaN or infinity; its index is named.
    """
    start = 0
    for batch in batches:
        for model_input in inputs:
            _check_values(name, model_input, batch[model_input.name], start)
        yield batch
        start += len(batch[inputs[0].name])


def _check_values(name: str, model_input: ModelInput, values: Array, start: int) -> None:
    if values.shape[1:] != model_input.shape[1:]:
        raise DataError(
            f"{name}: sample {start} has shape {values.shape[1:]},"
            f" the model takes {model_input.shape[1:]}"
        )
    is_finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if not is_finite.all():
        index = start + int(np.argmin(is_finite))
        raise DataError(f"{name}: sample {index} has NaN or infinity, allowed are finite numbers")


def only_input(path: Path, inputs: Sequence[ModelInput]) -> ModelInput:
    """Return the model's input, where the form of the data can only feed one.

    Raises:
        DataError: The model has several.
    """
    if len(inputs) != 1:
        names = ", ".join(model_input.name for model_input in inputs)
        raise DataError(f"{path}: the model has {len(inputs)} inputs ({names}), give an .npz file")
    return inputs[0]
