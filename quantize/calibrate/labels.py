"""Labels as text: numbers are what they say, names are counted by the list of classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from quantize.calibrate.npz import Array
from quantize.errors import DataError


@dataclass(frozen=True, slots=True, eq=False)
class ReadLabels:
    """What the words of a label column mean.

    Attributes:
        values: (N,) int64 classes or float32 targets.
        class_names: The names that the classes count; empty where the words were numbers.
    """

    values: Array
    class_names: tuple[str, ...]


def read_class_names(path: Path) -> tuple[str, ...]:
    """Return the classes of a labels file: one a line, in the order of the model's outputs.

    Raises:
        DataError: Missing, not UTF-8, empty, or a class named twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: labels cannot be read ({error})") from error
    names = tuple(line.strip() for line in lines if line.strip())
    if not names:
        raise DataError(f"{path}: no labels, expected one a line")
    doubles = sorted({name for name in names if names.count(name) > 1})
    if doubles:
        raise DataError(f"{path}: labels named twice: {', '.join(doubles)}")
    return names


def parse_labels(name: str, words: Sequence[str], class_names: Sequence[str]) -> ReadLabels:
    """Return what a column of labels means.

    Whole numbers are classes, other numbers are targets; names are looked up in `class_names`, or
    counted in alphabetical order where there are none.

    Raises:
        DataError: A name that is not among the classes, a target that is not finite.
    """
    if class_names and any(word in class_names for word in words):
        return _by_name(name, words, class_names)
    try:
        return ReadLabels(np.array([int(word) for word in words], dtype=np.int64), ())
    except ValueError:
        pass
    try:
        values = np.array([float(word) for word in words], dtype=np.float32)
    except ValueError:
        return _by_name(name, words, class_names or sorted(set(words)))
    if not np.isfinite(values).all():
        row = int(np.argmin(np.isfinite(values)))
        raise DataError(
            f"{name}: sample {row} has target {words[row]!r}, allowed are finite numbers"
        )
    return ReadLabels(values, ())


def _by_name(name: str, words: Sequence[str], class_names: Sequence[str]) -> ReadLabels:
    index = {class_name: position for position, class_name in enumerate(class_names)}
    unknown = sorted(set(words) - set(index))
    if unknown:
        raise DataError(
            f"{name}: labels {', '.join(map(repr, unknown[:5]))} are none of the classes"
            f" {', '.join(map(repr, class_names[:10]))}"
        )
    return ReadLabels(np.array([index[word] for word in words], np.int64), tuple(class_names))
