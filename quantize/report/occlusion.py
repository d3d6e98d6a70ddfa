"""Occlusion sensitivity: which parts of a picture the two models look at.

Source: M. D. Zeiler and R. Fergus, "Visualizing and understanding convolutional networks" (2014).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.ir.graph import Array

Ask: TypeAlias = Callable[[Array], Array]  # samples (N, H, W, C) in, first outputs (N, ...) out
Grid: TypeAlias = tuple[tuple[float, ...], ...]
MAX_SAMPLES = 4
BUDGET_MACS = 6_000_000_000  # of all inferences together: a second or two on a laptop
_GRIDS = (8, 6, 4)  # cells a side, the finest that the budget allows
_DIGITS = 5


@dataclass(frozen=True, slots=True)
class OcclusionMap:
    """One sample, and how the output moved when a cell of it was covered by its mean colour.

    Attributes:
        sample: Its index in the evaluation data.
        column: Of the output that is looked at: the float model's greatest.
        float_map: (rows, columns) how far that output fell; below 0 it rose.
        int8_map: The same of the integers.
    """

    sample: int
    column: int
    float_map: Grid
    int8_map: Grid


def occlusion_maps(
    samples: Array, indices: Sequence[int], models: tuple[Ask, Ask], macs: int
) -> tuple[OcclusionMap, ...]:
    """Return a map of each sample.

    Args:
        samples: (K, H, W, C) float32.
        indices: Of the samples in the evaluation data.
        models: The float model, then the integers.
        macs: Of one inference; decides how fine the grid is and how many samples are looked at.
    """
    cells, count = plan_grid(macs, len(samples))
    return tuple(
        _map(sample, index, models, cells)
        for sample, index in zip(samples[:count], indices, strict=False)
    )


def plan_grid(macs: int, samples: int) -> tuple[int, int]:
    """Return the cells a side and the samples that the budget allows; at least 4 and 1."""
    affordable = BUDGET_MACS // max(2 * macs, 1)
    for cells in _GRIDS:
        if min(samples, MAX_SAMPLES) * cells * cells <= affordable:
            return cells, min(samples, MAX_SAMPLES)
    return _GRIDS[-1], max(1, min(samples, affordable // _GRIDS[-1] ** 2))


def covered(sample: Array, cells: int) -> Array:
    """Return the sample (H, W, C) with one cell after the other covered, (cells², H, W, C)."""
    rows = np.linspace(0, sample.shape[0], cells + 1).astype(int)
    columns = np.linspace(0, sample.shape[1], cells + 1).astype(int)
    copies = np.repeat(sample[np.newaxis], cells * cells, axis=0)
    colour = sample.mean(axis=(0, 1), dtype=np.float64).astype(sample.dtype)
    for index in range(cells * cells):
        row, column = divmod(index, cells)
        copies[index, rows[row] : rows[row + 1], columns[column] : columns[column + 1]] = colour
    return copies


def _map(sample: Array, index: int, models: tuple[Ask, Ask], cells: int) -> OcclusionMap:
    hidden = covered(sample, cells)
    column = int(np.argmax(_rows(models[0](sample[np.newaxis]))[0]))
    falls = [_fall(ask, sample, hidden, column) for ask in models]
    grids = [_grid(fall.reshape(cells, cells)) for fall in falls]
    return OcclusionMap(index, column, grids[0], grids[1])


def _fall(ask: Ask, sample: Array, hidden: Array, column: int) -> npt.NDArray[np.float64]:
    whole = _rows(ask(sample[np.newaxis]))[0, column]
    return np.asarray(whole - _rows(ask(hidden))[:, column], np.float64)


def _rows(outputs: Array) -> npt.NDArray[np.float64]:
    return outputs.reshape(len(outputs), -1).astype(np.float64)


def _grid(values: npt.NDArray[np.float64]) -> Grid:
    return tuple(tuple(round(float(value), _DIGITS) for value in row) for row in values)
