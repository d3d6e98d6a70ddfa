"""What is looked at sample by sample: where both models look, and the samples that changed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.ir.graph import Array, IntGraph
from quantize.report.accuracy import Change
from quantize.report.causes import range_of
from quantize.report.costs import total_macs
from quantize.report.evaluation import Question
from quantize.report.explanation import Explanation
from quantize.report.importance import MAX_SAMPLES as MAX_ROWS
from quantize.report.importance import is_tabular, permutation_importance
from quantize.report.occlusion import MAX_SAMPLES as MAX_MAPS
from quantize.report.occlusion import occlusion_maps
from quantize.report.pictures import Shades, is_picture, picture_uri

MAX_CHANGED_PICTURES = 24
Ask: TypeAlias = Callable[[Array], Array]  # samples (N, ...) in, first outputs (N, ...) out
Pick: TypeAlias = Callable[[npt.NDArray[np.int64]], Array]  # sorted indices in, samples out


@dataclass(frozen=True, slots=True, eq=False)
class Show:
    """What can be looked at.

    Attributes:
        question: About the evaluation data.
        graph: The integers, of one input.
        models: The float model, then the integers.
        pick: Reads samples of the evaluation data.
        samples: How many there are.
        columns: Names of the input's columns, where they are known.
        is_bgr: Of pictures: blue comes first.
    """

    question: Question
    graph: IntGraph
    models: tuple[Ask, Ask]
    pick: Pick
    samples: int
    columns: Sequence[str] = ()
    is_bgr: bool = False


def look(
    show: Show, explanation: Explanation, changes: Sequence[Change]
) -> tuple[Explanation, dict[int, str]]:
    """Return the explanation with maps or importances, and pictures (data URIs) by sample.

    Args:
        show: What can be looked at.
        explanation: Without them.
        changes: Whose pictures are wanted; a few of them are mapped.
    """
    shape = show.graph.tensors[show.graph.inputs[0]].shape
    if is_picture(shape):
        return _look_at_pictures(show, explanation, changes)
    if is_tabular(shape):
        return _look_at_columns(show, explanation), {}
    return explanation, {}


def _look_at_pictures(
    show: Show, explanation: Explanation, changes: Sequence[Change]
) -> tuple[Explanation, dict[int, str]]:
    changed = [change.sample for change in changes[:MAX_CHANGED_PICTURES]]
    others = [row for row in spread_rows(show.samples, MAX_MAPS).tolist() if row not in changed]
    mapped = [*changed[: MAX_MAPS // 2], *others][:MAX_MAPS]
    rows = np.array(sorted({*changed, *mapped}), np.int64)
    seen: Mapping[int, Array] = dict(zip(rows.tolist(), show.pick(rows), strict=True))
    maps = occlusion_maps(
        np.stack([seen[row] for row in mapped]), mapped, show.models, total_macs(show.graph)
    )
    shades = Shades(*range_of(show.graph.tensors[show.graph.inputs[0]]), show.is_bgr)
    shown = {*changed, *(entry.sample for entry in maps)}
    pictures = {row: picture_uri(seen[row], shades) for row in sorted(shown)}
    return replace(explanation, occlusion=maps), pictures


def _look_at_columns(show: Show, explanation: Explanation) -> Explanation:
    rows = spread_rows(show.samples, MAX_ROWS)
    found = permutation_importance(
        show.question.only(rows), show.pick(rows), show.models, show.columns
    )
    return replace(explanation, importance=found)


def spread_rows(samples: int, limit: int) -> npt.NDArray[np.int64]:
    """Return up to `limit` indices of so many samples, evenly spread, sorted."""
    return np.unique(np.linspace(0, samples - 1, min(limit, samples)).astype(np.int64))
