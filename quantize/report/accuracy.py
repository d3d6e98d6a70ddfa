"""What became of the answers: intervals, confusion, classes, groups and changed predictions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from quantize.ir.graph import Array
from quantize.report.detection import class_precisions
from quantize.report.evaluation import (
    HIGHER_IS_BETTER,
    Answers,
    Question,
    decisions,
    mean_precisions,
    measured,
    rows_of,
)
from quantize.report.intervals import Interval, Rows, bootstrap_intervals, wilson_interval
from quantize.report.metrics import predictions
from quantize.report.task import Task

MAX_CHANGES = 200  # of the list; how many there are in all is in the evaluation
MAX_CONFUSION_CLASSES = 100

Measured: TypeAlias = tuple[dict[str, float], dict[str, float]]  # float model, integers


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of both models on the same samples.

    Attributes:
        name: Of the metric.
        samples: How many it is of.
        float_value: None where the samples allow none.
        float_interval: Wilson's for a share, else the bootstrap's.
        int8_value: As the float one.
        int8_interval: As the float one.
        drop: How much worse the integers are, in the metric's own unit; negative for better.
        drop_interval: Bootstrap over the samples, both models on the same.
    """

    name: str
    samples: int
    float_value: float | None
    float_interval: Interval | None
    int8_value: float | None
    int8_interval: Interval | None
    drop: float | None
    drop_interval: Interval | None


@dataclass(frozen=True, slots=True)
class Confusion:
    """How many samples of each true class (row) were taken for which class (column)."""

    labels: tuple[str, ...]
    float_model: tuple[tuple[int, ...], ...]
    int8_model: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One sample that the two models see differently.

    Attributes:
        sample: Its index in the evaluation data.
        file: Its name, where the data has a file for each.
        label: The truth, where it is known.
        float_class: What the float model says.
        float_score: How sure it is of that: the class's output, or the anomaly score.
        int8_class: What the integers say.
        int8_score: As the float one.
    """

    sample: int
    file: str | None
    label: str | None
    float_class: str
    float_score: float
    int8_class: str
    int8_score: float


@dataclass(frozen=True, slots=True)
class AccuracyDetails:
    """What became of the answers.

    Attributes:
        metrics: In the evaluation's order.
        agreement: Interval of the share of equal predictions.
        confusion: Where classes and labels are known, of up to 100 classes.
        classes: Recall of each class; for detection its average precision at an overlap of 0.5.
        groups: The headline metric of each group of samples.
        changes: The surest of the float model's first, at most 200.
    """

    metrics: tuple[Comparison, ...]
    agreement: Interval | None
    confusion: Confusion | None
    classes: tuple[Comparison, ...]
    groups: tuple[Comparison, ...]
    changes: tuple[Change, ...]


def accuracy_details(
    question: Question, wanted: Answers, found: Answers, files: Sequence[str] = ()
) -> AccuracyDetails:
    """Return how the answers of `found` (the integers) differ from those of `wanted` (float).

    Args:
        question: What both were asked.
        wanted: What the float model said.
        found: What the integers said.
        files: Name of each sample's file; empty where there is none.
    """
    before, after = decisions(question, wanted), decisions(question, found)
    if before is None or after is None:
        metrics = _metrics(question, wanted, found)
        classes = _class_precisions(question, wanted, found)
        return AccuracyDetails(metrics, None, None, classes, _groups(question, wanted, found), ())
    names = class_names(question)
    pair = (before.astype(np.int64), after.astype(np.int64))
    return AccuracyDetails(
        metrics=_metrics(question, wanted, found),
        agreement=wilson_interval(int(np.sum(before == after)), len(before)),
        confusion=_confusion(question, pair, names),
        classes=_classes(question, pair, names),
        groups=_groups(question, wanted, found),
        changes=_changes(question, (wanted, found), pair, files),
    )


def class_names(question: Question) -> tuple[str, ...]:
    """Return the names of what is decided between."""
    if question.task is Task.ANOMALY:
        return ("normal", "anomaly")
    return tuple(question.class_names)


def confusion_matrix(labels: Array, predicted: Array, classes: int) -> tuple[tuple[int, ...], ...]:
    """Return how many samples of class i (row) were predicted as class j (column)."""
    cells = labels.astype(np.int64) * classes + predicted.astype(np.int64)
    counts = np.bincount(cells, minlength=classes * classes).reshape(classes, classes)
    return tuple(tuple(int(count) for count in row) for row in counts)


def _confusion(
    question: Question, pair: tuple[Array, Array], names: tuple[str, ...]
) -> Confusion | None:
    if question.labels is None or not 0 < len(names) <= MAX_CONFUSION_CLASSES:
        return None
    before, after = (confusion_matrix(question.labels, said, len(names)) for said in pair)
    return Confusion(names, before, after)


def _classes(
    question: Question, pair: tuple[Array, Array], names: tuple[str, ...]
) -> tuple[Comparison, ...]:
    """Return the recall of each class that has samples."""
    if question.labels is None:
        return ()
    present = [index for index in range(len(names)) if bool(np.any(question.labels == index))]
    return tuple(_recall(names[index], question.labels == index, index, pair) for index in present)


def _recall(name: str, rows: Array, index: int, pair: tuple[Array, Array]) -> Comparison:
    return _of_shares(name, (pair[0][rows] == index, pair[1][rows] == index))


def _of_shares(name: str, hits: tuple[Array, Array]) -> Comparison:
    """Return the comparison of the shares of two boolean arrays over the same samples."""
    count = len(hits[0])
    values = [float(np.mean(part)) for part in hits]
    intervals = [wilson_interval(int(np.sum(part)), count) for part in hits]
    lost = hits[0].astype(np.float64) - hits[1]
    (spread,) = bootstrap_intervals(lambda rows: [float(np.mean(lost[rows]))], count)
    drop = values[0] - values[1]
    return Comparison(name, count, values[0], intervals[0], values[1], intervals[1], drop, spread)


def _metrics(question: Question, wanted: Answers, found: Answers) -> tuple[Comparison, ...]:
    """Return every metric of the task, the headline first; none without labels."""
    labels = question.labels
    if labels is None or question.task is Task.TENSOR:
        return ()
    if question.task is Task.CLASSIFICATION:
        said = [predictions(part.outputs, question.class_cut) for part in (wanted, found)]
        return (_of_shares("accuracy", (said[0] == labels, said[1] == labels)),)
    if question.task is Task.DETECTION:
        return _of_grades(mean_precisions, wanted, found)

    def measure(rows: Rows) -> Measured:
        before, after = (
            measured(question, labels[rows], rows_of(part, rows)) for part in (wanted, found)
        )
        return before, after

    return _compared(measure, len(labels))


def _class_precisions(
    question: Question, wanted: Answers, found: Answers
) -> tuple[Comparison, ...]:
    """Return the average precision of each class that has true boxes, at an overlap of 0.5."""
    if question.task is not Task.DETECTION or question.labels is None:
        return ()
    boxes = np.concatenate([image.classes for image in question.labels])
    names = question.class_names

    def precisions(graded: Array) -> dict[str, float]:
        found = class_precisions(graded.tolist())
        return {names[index]: float(at_each[0]) for index, at_each in found.items()}

    counts = {names[index]: int(np.sum(boxes == index)) for index in np.unique(boxes)}
    compared = _of_grades(precisions, wanted, found)
    return tuple(replace(one, samples=counts[one.name]) for one in compared)


def _of_grades(
    measure: Callable[[Array], dict[str, float]], wanted: Answers, found: Answers
) -> tuple[Comparison, ...]:
    """Return the comparison of shares of graded boxes; no output is copied for a resample."""
    before, after = wanted.graded, found.graded
    if before is None or after is None:
        return ()
    return _compared(
        lambda rows: (measure(before[rows]), measure(after[rows])),
        len(before),
        lambda _name, one, other: one - other,
    )


def worse_by(name: str, before: float, after: float) -> float:
    """Return how much worse a metric became, in its own unit; negative for better."""
    return before - after if name in HIGHER_IS_BETTER else after - before


def _compared(
    measure: Callable[[Rows], Measured],
    samples: int,
    worse: Callable[[str, float, float], float] = worse_by,
) -> tuple[Comparison, ...]:
    """Return each metric that both models have, with bootstrap intervals."""
    before, after = measure(np.arange(samples))
    names = [name for name in before if name in after]

    def statistics(rows: Rows) -> list[float]:
        found, values = measure(rows), []
        for name in names:
            one, other = (part.get(name, float("nan")) for part in found)
            values += [one, other, worse(name, one, other)]
        return values

    spread = bootstrap_intervals(statistics, samples) if names else ()
    return tuple(
        Comparison(
            name,
            samples,
            before[name],
            spread[3 * index],
            after[name],
            spread[3 * index + 1],
            worse(name, before[name], after[name]),
            spread[3 * index + 2],
        )
        for index, name in enumerate(names)
    )


def _groups(question: Question, wanted: Answers, found: Answers) -> tuple[Comparison, ...]:
    if question.groups is None or question.labels is None:
        return ()
    compared = []
    for group in np.unique(question.groups):
        rows = question.groups == group
        part = question.only(rows)
        metrics = _metrics(part, rows_of(wanted, rows), rows_of(found, rows))
        compared += [replace(metric, name=str(group)) for metric in metrics[:1]]
    return tuple(compared)


def _changes(
    question: Question,
    answers: tuple[Answers, Answers],
    pair: tuple[Array, Array],
    files: Sequence[str],
) -> tuple[Change, ...]:
    names, labels = class_names(question), question.labels
    scores = [_scores(part, said) for part, said in zip(answers, pair, strict=True)]
    changed = np.flatnonzero(pair[0] != pair[1])
    surest = changed[np.argsort(-scores[0][changed], kind="stable")][:MAX_CHANGES]
    return tuple(
        Change(
            sample=int(row),
            file=files[row] if files else None,
            label=None if labels is None else names[int(labels[row])],
            float_class=names[int(pair[0][row])],
            float_score=float(scores[0][row]),
            int8_class=names[int(pair[1][row])],
            int8_score=float(scores[1][row]),
        )
        for row in surest
    )


def _scores(answers: Answers, said: Array) -> Array:
    """Return how sure a model is of what it said, (N,)."""
    if answers.scores is not None:
        return answers.scores
    rows = answers.outputs.reshape(len(said), -1)
    return rows[:, 0] if rows.shape[1] == 1 else rows[np.arange(len(said)), said]
