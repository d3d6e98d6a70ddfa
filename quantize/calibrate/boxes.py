"""True boxes of images: one JSON object a line, as people annotate them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt

from quantize.errors import DataError

_Pixels = Annotated[int, msgspec.Meta(ge=1)]
_Box = tuple[float, float, float, float]


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One image: `boxes` are left, top, right, bottom in pixels of an image of `size`."""

    size: tuple[_Pixels, _Pixels]
    boxes: tuple[_Box, ...]
    classes: tuple[int | str, ...]
    file: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TrueBoxes:
    """What is known to be in one image.

    Attributes:
        boxes: (K, 4) left, top, right, bottom as shares of the original image, 0..1.
        classes: (K,) int64.
        size_px: (width, height) of the original image.
    """

    boxes: npt.NDArray[np.float64]
    classes: npt.NDArray[np.int64]
    size_px: tuple[int, int]


def read_boxes(
    path: Path, samples: int, files: Sequence[str], class_names: Sequence[str]
) -> tuple[TrueBoxes, ...]:
    """Return the true boxes of each sample, in the order of the samples.

    Args:
        path: JSON lines; where samples have files each line names its `file`, else the lines
            stand in the order of the samples.
        samples: How many images there are.
        files: Their names; empty where they have none.
        class_names: What classes may be called, beside their numbers.

    Raises:
        DataError: Not such lines, an image missing or named twice, a class or a box that is none,
            or no box in any image.
    """
    lines = _lines(path)
    found = [_true_boxes(where, line, class_names) for where, line in lines]
    if files:
        found = _by_file(path, lines, found, files)
    if len(found) != samples:
        raise DataError(f"{path}: {len(found)} lines, the data has {samples} samples")
    if not any(len(image.classes) for image in found):
        raise DataError(f"{path}: no box in any image, average precision needs one")
    return tuple(found)


def _lines(path: Path) -> list[tuple[str, _Line]]:
    """Return the lines that are not blank, each with where it stands."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: boxes cannot be read ({error})") from error
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            where = f"{path}: line {number}"
            try:
                found.append((where, msgspec.json.decode(line, type=_Line)))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise DataError(f"{where}: {error}") from error
    return found


def _by_file(
    path: Path, lines: list[tuple[str, _Line]], found: list[TrueBoxes], files: Sequence[str]
) -> list[TrueBoxes]:
    named: dict[str, TrueBoxes] = {}
    for (where, line), boxes in zip(lines, found, strict=True):
        if line.file is None or line.file not in files:
            raise DataError(f"{where}: file {line.file!r}, the data has {', '.join(files[:5])} ...")
        if line.file in named:
            raise DataError(f"{where}: file {line.file!r} was there before, allowed is one line")
        named[line.file] = boxes
    missing = [file for file in files if file not in named]
    if missing:
        raise DataError(f"{path}: no line for file {missing[0]!r}; images without boxes have []")
    return [named[file] for file in files]


def _true_boxes(where: str, line: _Line, names: Sequence[str]) -> TrueBoxes:
    if len(line.boxes) != len(line.classes):
        raise DataError(f"{where}: {len(line.boxes)} boxes, {len(line.classes)} classes")
    for left, top, right, bottom in line.boxes:
        if not (0 <= left < right <= line.size[0] and 0 <= top < bottom <= line.size[1]):
            raise DataError(
                f"{where}: box {[left, top, right, bottom]}, allowed are left < right and"
                f" top < bottom in {line.size[0]} x {line.size[1]} pixels"
            )
    boxes = np.array(line.boxes, np.float64).reshape(-1, 4) / (line.size * 2)
    classes = [_class_index(where, name, names) for name in line.classes]
    return TrueBoxes(boxes, np.array(classes, np.int64), line.size)


def _class_index(where: str, name: int | str, names: Sequence[str]) -> int:
    if isinstance(name, str) and name in names:
        return list(names).index(name)
    if isinstance(name, int) and 0 <= name < len(names):
        return name
    raise DataError(
        f"{where}: class {name!r}, allowed are 0..{len(names) - 1} or {', '.join(names[:10])}"
    )
