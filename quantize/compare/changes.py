"""Changes: the samples that two models see differently, and how sure each of them is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quantize.ir.graph import Array
from quantize.report.metrics import predictions

MAX_EXAMPLES = 50


@dataclass(frozen=True, slots=True)
class ChangedPrediction:
    """One sample that the two models see differently.

    Attributes:
        sample: Its index in the data.
        first: The first model's class.
        second: The second's.
        first_margin: How far the first model's class is ahead of its next best, in the output's own
            unit; of a lone score, how far it is from the cut.
        second_margin: As the first.
    """

    sample: int
    first: str
    second: str
    first_margin: float
    second_margin: float


@dataclass(frozen=True, slots=True)
class Changes:
    """All changed predictions by number, and the first ones by name."""

    count: int
    examples: tuple[ChangedPrediction, ...]


def changed_predictions(wanted: Array, found: Array, cut: float, names: Sequence[str]) -> Changes:
    """Return which samples' predictions differ; the surest of the first model come first.

    Args:
        wanted: Outputs (N, ...) of the first model.
        found: Of the second.
        cut: Where a lone score begins to mean class 1.
        names: Of the classes; without them their indices stand.
    """
    before, after = predictions(wanted, cut), predictions(found, cut)
    margins = _margins(wanted, cut), _margins(found, cut)
    changed = np.flatnonzero(before != after)
    surest = changed[np.argsort(-margins[0][changed], kind="stable")][:MAX_EXAMPLES]
    examples = tuple(
        ChangedPrediction(
            sample=int(row),
            first=_name(names, int(before[row])),
            second=_name(names, int(after[row])),
            first_margin=float(margins[0][row]),
            second_margin=float(margins[1][row]),
        )
        for row in surest
    )
    return Changes(len(changed), examples)


def _margins(outputs: Array, cut: float) -> Array:
    rows = outputs.reshape(len(outputs), -1)
    if rows.shape[1] == 1:
        return np.abs(rows[:, 0] - cut)
    best = np.partition(rows, -2, axis=1)
    return np.asarray(best[:, -1] - best[:, -2])


def _name(names: Sequence[str], index: int) -> str:
    return names[index] if index < len(names) else str(index)
