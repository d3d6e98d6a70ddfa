"""Data of a .csv file with a header: rows of numbers, one column of them the target if named."""

import csv
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.windows import FLOAT32_MAX, Windower
from quantize.calibrate.arrays import file_sha256
from quantize.calibrate.dataset import Batch, Dataset, ModelInput, checked
from quantize.calibrate.labels import parse_labels
from quantize.calibrate.npz import Array
from quantize.errors import DataError

Rows: TypeAlias = npt.NDArray[np.float32]
Prepare: TypeAlias = Callable[[Rows], Array]  # (length, columns) as (1, ...) float32


@dataclass(frozen=True, slots=True)
class Windowing:
    """How rows become samples.

    Attributes:
        columns: The columns to read, in the model's order; empty: all but the target.
        length: Rows of a sample.
        step: Rows from one sample to the next.
        prepare: What the device does to such a window.
    """

    columns: tuple[str, ...]
    length: int
    step: int
    prepare: Prepare


@dataclass(frozen=True, slots=True)
class _Table:
    path: Path
    columns: tuple[str, ...]
    windowing: Windowing


def open_rows(
    path: Path,
    model_input: ModelInput,
    windowing: Windowing,
    *,
    target_column: str | None,
    class_names: Sequence[str],
) -> Dataset:
    """Return the data of a .csv file; the label of a window is that of its last row.

    Raises:
        DataError: No header, an unknown column, a cell that is no number, too few rows.
    """
    table = _open_table(path, windowing, target_column)
    rows, words = _scan(path, target_column)
    samples = (rows - windowing.length) // windowing.step + 1
    if rows < windowing.length:
        raise DataError(f"{path}: {rows} rows, a sample needs {windowing.length}")
    ends = [windowing.length - 1 + index * windowing.step for index in range(samples)]
    labels = parse_labels(path.name, [words[end] for end in ends], class_names) if words else None
    return Dataset(
        name=path.name,
        samples=samples,
        labels=None if labels is None else labels.values,
        groups=None,
        class_names=() if labels is None else labels.class_names,
        sha256=file_sha256(path),
        read=lambda size: checked(path.name, _read(table, model_input, size), [model_input]),
        columns=table.columns,
    )


def _open_table(path: Path, windowing: Windowing, target_column: str | None) -> _Table:
    header = next(_lines(path), None)
    if header is None:
        raise DataError(f"{path}: empty, expected a header and rows of numbers")
    columns = windowing.columns or tuple(name for name in header if name != target_column)
    wanted = [*columns, *([target_column] if target_column is not None else [])]
    unknown = [name for name in wanted if name not in header]
    if unknown:
        raise DataError(f"{path}: no column {', '.join(unknown)}, it has {', '.join(header)}")
    return _Table(path, columns, windowing)


def _scan(path: Path, target_column: str | None) -> tuple[int, list[str]]:
    """Return the number of rows, and the words of the target column."""
    lines = _lines(path)
    header = next(lines)
    if target_column is None:
        return sum(1 for _ in lines), []
    position = header.index(target_column)
    words = [line[position].strip() for line in lines]
    return len(words), words


def _lines(path: Path) -> Iterator[list[str]]:
    """Yield the header's names, then the cells of each row that is not empty."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            header = [name.strip() for name in next(reader, [])]
            if header:
                yield header
            for line in filter(None, reader):
                if len(line) != len(header):
                    raise DataError(
                        f"{path}: line {reader.line_num} has {len(line)} cells,"
                        f" the header {len(header)}"
                    )
                yield line
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error


def _read(table: _Table, model_input: ModelInput, size: int) -> Iterator[Batch]:
    windows = _windows(_numbers(table), len(table.columns), table.windowing)
    while parts := [table.windowing.prepare(window) for window in islice(windows, size)]:
        yield {model_input.name: _fit(table.path, np.concatenate(parts), model_input)}


def _fit(path: Path, values: Array, model_input: ModelInput) -> Array:
    allowed = model_input.shape[1:]
    if values[0].size != int(np.prod(allowed)):
        raise DataError(f"{path}: {values[0].size} values a sample, the model takes {allowed}")
    return values.reshape(-1, *allowed).astype(np.float32)


def _numbers(table: _Table) -> Iterator[Rows]:
    lines = _lines(table.path)
    header = next(lines)
    positions = [header.index(name) for name in table.columns]
    for row, line in enumerate(lines):
        cells = [_number(table.path, row, line[position]) for position in positions]
        yield np.array(cells, np.float32)


def _number(path: Path, row: int, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not abs(value) <= FLOAT32_MAX:
        raise DataError(f"{path}: row {row} has {cell!r}, allowed are finite numbers")
    return value


def _windows(rows: Iterator[Rows], columns: int, windowing: Windowing) -> Iterator[Rows]:
    windower = Windower(columns, windowing.length, windowing.step)
    for row in rows:
        window = windower.push(row)
        if window is not None:
            yield window
