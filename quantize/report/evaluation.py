"""Evaluation: the float model and the integers on the same samples, in the task's own metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from quantize.errors import DataError
from quantize.ir.graph import Array
from quantize.report.detection import class_precisions
from quantize.report.metrics import (
    ClassMetrics,
    accuracy,
    area_under_curve,
    class_metrics,
    predictions,
    reconstruction_scores,
    regression_metrics,
    sqnr_db,
)
from quantize.report.task import Task

HIGHER_IS_BETTER = frozenset({"accuracy", "auc", "r2", "map_50", "map_50_95"})


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What one model said to all samples.

    Attributes:
        outputs: (N, ...) float32, the first output.
        logits: (N, ...) float32, what it was before a last softmax or logistic.
        scores: (N,) how unusual each sample is, for anomaly; None otherwise.
        graded: (N,) how right the boxes of each image are, for detection; None otherwise.
    """

    outputs: Array
    logits: Array
    scores: Array | None
    graded: Array | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """One number for both models."""

    name: str
    float_value: float
    int8_value: float

    @property
    def drop(self) -> float:
        """How much worse the integers are: points of a share, percent of an error; 0 for better."""
        if self.name in HIGHER_IS_BETTER:
            return max(0.0, 100.0 * (self.float_value - self.int8_value))
        if self.float_value == 0.0:
            return 0.0 if self.int8_value == 0.0 else float("inf")
        return max(0.0, 100.0 * (self.int8_value / self.float_value - 1.0))


@dataclass(frozen=True, slots=True)
class ClassComparison:
    """Precision and recall of one class, in both models."""

    label: str
    float_model: ClassMetrics
    int8_model: ClassMetrics


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How the integers do beside the float model.

    Attributes:
        task: What was measured.
        samples: How many.
        metrics: The headline first; empty without labels.
        classes: Precision and recall, for classification with labels.
        groups: The headline metric of each group of samples.
        agreement: Share of samples with the same prediction; None where nothing is predicted.
        changed_predictions: The others.
        sqnr_db: Of the output; None where there is no difference.
        logits_sqnr_db: Of what a last softmax or logistic takes.
    """

    task: Task
    samples: int
    metrics: tuple[Metric, ...]
    classes: tuple[ClassComparison, ...]
    groups: Mapping[str, Metric]
    agreement: float | None
    changed_predictions: int | None
    sqnr_db: float | None
    logits_sqnr_db: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What is asked of both models.

    Attributes:
        task: What to measure.
        labels: Classes, targets, 0 and 1 for anomaly, the true boxes of each image; None: only
            the two models are compared.
        groups: Of the samples, or None.
        class_names: For people; as many as the output has columns.
        threshold: Of the anomaly score; None for other tasks.
        class_cut: Where the lone score of a classifier begins to mean class 1.
    """

    task: Task
    labels: Array | None
    groups: Array | None
    class_names: Sequence[str]
    threshold: float | None
    class_cut: float = 0.5

    def only(self, rows: Array) -> "Question":
        """Return the same question about some samples, without their groups."""
        labels = None if self.labels is None else self.labels[rows]
        return replace(self, labels=labels, groups=None)


def anomaly_scores(inputs: Array, outputs: Array) -> Array:
    """Return the score (N,) of each sample: its reconstruction's error, or the lone output.

    Raises:
        DataError: The output is neither one value nor as large as the input.
    """
    if outputs[0].size == inputs[0].size and outputs[0].size > 1:
        return reconstruction_scores(inputs, outputs)
    if outputs[0].size == 1:
        return outputs.reshape(-1).astype(np.float64)
    raise DataError(
        f"anomaly: the output has {outputs[0].size} values, allowed are 1 (a score) or"
        f" {inputs[0].size} (a reconstruction of the input)"
    )


def check_question(question: Question, columns: int) -> None:
    """Refuse labels that the task cannot be measured by.

    Raises:
        DataError: Classes or targets that do not match the model's output.
    """
    labels = question.labels
    if labels is None or question.task in {Task.TENSOR, Task.DETECTION}:
        return
    if question.task is Task.REGRESSION:
        given = labels.shape[1] if labels.ndim == 2 else 1
        if given != columns:
            raise DataError(f"labels: {given} targets a sample, the model gives {columns}")
        return
    if labels.ndim != 1 or labels.dtype.kind != "i":
        raise DataError(
            f"labels: {labels.dtype}{labels.shape}, {question.task} needs whole numbers"
        )
    classes = 2 if question.task is Task.ANOMALY or columns == 1 else columns
    is_legal = (labels >= 0) & (labels < classes)
    if not is_legal.all():
        index = int(np.argmin(is_legal))
        raise DataError(
            f"labels: sample {index} has label {labels[index]}, allowed are 0..{classes - 1}"
        )


def evaluate(question: Question, wanted: Answers, found: Answers) -> Evaluation:
    """Return how `found` (the integers) does beside `wanted` (the float model)."""
    before, after = decisions(question, wanted), decisions(question, found)
    changed = None if before is None or after is None else int(np.sum(before != after))
    samples = len(wanted.outputs)
    return Evaluation(
        task=question.task,
        samples=samples,
        metrics=_metrics(question, wanted, found),
        classes=_classes(question, before, after),
        groups=_groups(question, wanted, found),
        agreement=None if changed is None else 1.0 - changed / samples,
        changed_predictions=changed,
        sqnr_db=sqnr_db(wanted.outputs, found.outputs),
        logits_sqnr_db=sqnr_db(wanted.logits, found.logits),
    )


def decisions(question: Question, answers: Answers) -> Array | None:
    """Return the class, or whether it is an anomaly, of each sample (N,); None: none is decided."""
    match question.task:
        case Task.CLASSIFICATION:
            return predictions(answers.outputs, question.class_cut)
        case Task.ANOMALY if question.threshold is not None and answers.scores is not None:
            return np.asarray(answers.scores > question.threshold)
        case _:
            return None


def _metrics(question: Question, wanted: Answers, found: Answers) -> tuple[Metric, ...]:
    if question.labels is None:
        return ()
    before = measured(question, question.labels, wanted)
    after = measured(question, question.labels, found)
    return tuple(Metric(name, before[name], after[name]) for name in before if name in after)


def measured(question: Question, labels: Array, answers: Answers) -> dict[str, float]:
    """Return the task's metrics by name, the headline first."""
    match question.task:
        case Task.CLASSIFICATION:
            return {"accuracy": accuracy(labels, predictions(answers.outputs, question.class_cut))}
        case Task.REGRESSION:
            errors = regression_metrics(labels, answers.outputs)
            known = {"rmse": errors.rmse, "mse": errors.mse}
            return known if errors.r2 is None else {**known, "r2": errors.r2}
        case Task.ANOMALY:
            area = None
            if answers.scores is not None:
                area = area_under_curve(labels, answers.scores)
            return {} if area is None else {"auc": area}
        case Task.DETECTION:
            return {} if answers.graded is None else mean_precisions(answers.graded)
        case Task.TENSOR:
            return {}


def mean_precisions(graded: Array) -> dict[str, float]:
    """Return the mean average precision of images at an overlap of 0.5, and from 0.5 to 0.95."""
    precisions = list(class_precisions(graded.tolist()).values())
    if not precisions:
        return {}
    at_each = np.mean(precisions, axis=0)
    return {"map_50": float(at_each[0]), "map_50_95": float(np.mean(at_each))}


def _classes(
    question: Question, before: Array | None, after: Array | None
) -> tuple[ClassComparison, ...]:
    if question.task is not Task.CLASSIFICATION or question.labels is None:
        return ()
    if before is None or after is None:
        return ()
    count = len(question.class_names)
    pairs = zip(
        class_metrics(question.labels, before, count),
        class_metrics(question.labels, after, count),
        strict=True,
    )
    return tuple(
        ClassComparison(question.class_names[first.index], first, second) for first, second in pairs
    )


def _groups(question: Question, wanted: Answers, found: Answers) -> dict[str, Metric]:
    if question.groups is None or question.labels is None:
        return {}
    groups = {}
    for group in np.unique(question.groups):
        rows = question.groups == group
        metrics = _metrics(question.only(rows), rows_of(wanted, rows), rows_of(found, rows))
        if metrics:
            groups[str(group)] = metrics[0]
    return groups


def rows_of(answers: Answers, rows: Array) -> Answers:
    """Return the answers to some samples, by their indices or a mask."""
    scores = None if answers.scores is None else answers.scores[rows]
    graded = None if answers.graded is None else answers.graded[rows]
    return Answers(answers.outputs[rows], answers.logits[rows], scores, graded)
