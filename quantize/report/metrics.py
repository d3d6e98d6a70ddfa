"""Metrics of a task, and how far two answers are apart; arrays in, numbers out."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Values: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class ClassMetrics:
    """How well one class is found; None where the quotient has no denominator."""

    index: int
    precision: float | None
    recall: float | None
    support: int


@dataclass(frozen=True, slots=True)
class RegressionMetrics:
    """Errors of predicted numbers; `r2` is None where the targets do not vary."""

    mse: float
    rmse: float
    r2: float | None


def predictions(scores: Values, cut: float = 0.5) -> npt.NDArray[np.int64]:
    """Return the index of the greatest score of each row of (N, K); one column: score > cut."""
    rows = scores.reshape(len(scores), -1)
    if rows.shape[1] == 1:
        return np.asarray(rows[:, 0] > cut, np.int64)
    return np.asarray(np.argmax(rows, axis=1), np.int64)


def accuracy(labels: Values, predicted: Values) -> float:
    """Return the share of samples whose label was predicted."""
    return float(np.mean(labels == predicted))


def class_metrics(labels: Values, predicted: Values, classes: int) -> tuple[ClassMetrics, ...]:
    """Return precision and recall of each class 0..classes - 1."""
    return tuple(
        _class_metrics(labels == index, predicted == index, index) for index in range(classes)
    )


def _class_metrics(is_class: Values, is_predicted: Values, index: int) -> ClassMetrics:
    hits = int(np.sum(is_class & is_predicted))
    support, claimed = int(np.sum(is_class)), int(np.sum(is_predicted))
    return ClassMetrics(
        index=index,
        precision=hits / claimed if claimed else None,
        recall=hits / support if support else None,
        support=support,
    )


def regression_metrics(targets: Values, predicted: Values) -> RegressionMetrics:
    """Return the errors over all columns of (N, K) alike; R² is the mean over the columns.

    Source: the usual definition, R² = 1 - sum of squared errors / sum of squared deviations.
    """
    wanted = targets.reshape(len(targets), -1).astype(np.float64)
    errors = predicted.reshape(wanted.shape).astype(np.float64) - wanted
    mse = float(np.mean(errors**2))
    spread = np.sum((wanted - wanted.mean(axis=0)) ** 2, axis=0)
    r2 = float(np.mean(1.0 - np.sum(errors**2, axis=0) / spread)) if np.all(spread > 0) else None
    return RegressionMetrics(mse=mse, rmse=mse**0.5, r2=r2)


def area_under_curve(labels: Values, scores: Values) -> float | None:
    """Return the area under the ROC curve; ties count half; None with one class only.

    Source: the Mann-Whitney U statistic by mid-ranks.
    """
    is_positive = labels == 1
    positives = int(np.sum(is_positive))
    negatives = len(labels) - positives
    if not positives or not negatives:
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    middle_ranks = np.cumsum(counts) - (counts - 1) / 2.0
    rank_sum = float(np.sum(middle_ranks[inverse.reshape(-1)][is_positive]))
    return (rank_sum - positives * (positives + 1) / 2.0) / (positives * negatives)


def reconstruction_scores(inputs: Values, outputs: Values) -> npt.NDArray[np.float64]:
    """Return the mean squared error of each sample's reconstruction, (N,)."""
    difference = outputs.reshape(len(outputs), -1).astype(np.float64)
    difference = difference - inputs.reshape(len(inputs), -1)
    return np.asarray(np.mean(difference**2, axis=1))


def agreement(left: Values, right: Values) -> float:
    """Return the share of samples for which both predict the same."""
    return float(np.mean(left == right))


def sqnr_db(reference: Values, approximation: Values) -> float | None:
    """Return 10 log10(signal power / noise power); None where there is no noise or no signal."""
    wanted = reference.astype(np.float64)
    return sqnr_of_powers(
        float(np.sum(wanted**2)), float(np.sum((wanted - approximation.astype(np.float64)) ** 2))
    )


def sqnr_of_powers(signal: float, noise: float) -> float | None:
    """Return 10 log10(signal / noise); None where one of them is 0."""
    if signal <= 0.0 or noise <= 0.0:
        return None
    return float(10.0 * np.log10(signal / noise))
