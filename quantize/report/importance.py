"""Permutation importance: how much worse the metric is when one column of the data is shuffled.

Source: L. Breiman, "Random forests", Machine Learning 45 (2001).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from quantize.ir.graph import Array
from quantize.report.accuracy import worse_by
from quantize.report.evaluation import Answers, Question, anomaly_scores, decisions, measured
from quantize.report.task import Task

Ask: TypeAlias = Callable[[Array], Array]  # samples (N, ...) in, first outputs (N, ...) out
MAX_SAMPLES = 200
MAX_FEATURES = 64
SEED = 5


@dataclass(frozen=True, slots=True)
class Importance:
    """One column of the input.

    Attributes:
        feature: Its name, or its number.
        metric: The headline metric; the truth is the float model's answer where none is known.
        float_loss: How much worse the float model's is without the column.
        int8_loss: How much worse the integers' is.
    """

    feature: str
    metric: str
    float_loss: float
    int8_loss: float


def is_tabular(shape: tuple[int, ...]) -> bool:
    """Tell whether the last axis of an input (1, ..., C) are columns of a table."""
    return len(shape) in {2, 3} and 2 <= shape[-1] <= MAX_FEATURES


def permutation_importance(
    question: Question, samples: Array, models: tuple[Ask, Ask], names: Sequence[str]
) -> tuple[Importance, ...]:
    """Return the importance of every column, the float model's greatest first.

    Args:
        question: About exactly these samples.
        samples: (N, C) or (N, L, C) float32, at most 200.
        models: The float model, then the integers.
        names: Of the columns; other than C of them are ignored.
    """
    whole = [_answers(question, samples, ask(samples)) for ask in models]
    question = _with_truth(question, whole[0])
    base = [_headline(question, answers) for answers in whole]
    if not base[0]:
        return ()
    order = np.random.default_rng(SEED).permutation(len(samples))
    columns = samples.shape[-1]
    known = list(names) if len(names) == columns else [f"column {i}" for i in range(columns)]
    found = []
    for column, name in enumerate(known):
        shuffled = samples.copy()
        shuffled[..., column] = samples[order][..., column]
        after = [_headline(question, _answers(question, shuffled, ask(shuffled))) for ask in models]
        found += _importance(name, base, after)
    return tuple(sorted(found, key=lambda entry: (-entry.float_loss, entry.feature)))


def _importance(
    name: str, base: list[dict[str, float]], after: list[dict[str, float]]
) -> list[Importance]:
    metric = next(iter(base[0]))
    if any(metric not in values for values in (*base, *after)):
        return []
    before, changed = zip(base, after, strict=True), []
    for whole, shuffled in before:
        changed.append(round(worse_by(metric, whole[metric], shuffled[metric]), 6))
    return [Importance(name, metric, changed[0], changed[1])]


def _answers(question: Question, samples: Array, outputs: Array) -> Answers:
    is_anomaly = question.task is Task.ANOMALY
    return Answers(outputs, outputs, anomaly_scores(samples, outputs) if is_anomaly else None)


def _with_truth(question: Question, whole: Answers) -> Question:
    """Return the question with labels: the float model's own answers where none are known."""
    if question.labels is not None and question.task is not Task.TENSOR:
        return question
    said = decisions(question, whole)
    if said is not None:
        return replace(question, labels=said.astype(np.int64))
    rows = whole.outputs.reshape(len(whole.outputs), -1)
    return replace(question, task=Task.REGRESSION, labels=rows)


def _headline(question: Question, answers: Answers) -> dict[str, float]:
    assert question.labels is not None  # _with_truth has given some
    return dict(list(measured(question, question.labels, answers).items())[:1])
