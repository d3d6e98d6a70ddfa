import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from quantize.report.metrics import (
    accuracy,
    agreement,
    area_under_curve,
    class_metrics,
    predictions,
    reconstruction_scores,
    regression_metrics,
    sqnr_db,
)

LABELS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)
SCORES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=2, max_size=40)


@settings(max_examples=40)
@given(LABELS)
def test_precision_and_recall_equal_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    labels, predicted = (np.array(column) for column in zip(*pairs, strict=True))

    ours = class_metrics(labels, predicted, 4)

    precision, recall, _, support = sklearn_metrics.precision_recall_fscore_support(
        labels, predicted, labels=range(4), zero_division=0.0
    )
    assert [metric.precision or 0.0 for metric in ours] == pytest.approx(list(precision))
    assert [metric.recall or 0.0 for metric in ours] == pytest.approx(list(recall))
    assert [metric.support for metric in ours] == list(support)
    assert accuracy(labels, predicted) == sklearn_metrics.accuracy_score(labels, predicted)


@settings(max_examples=40)
@given(SCORES)
def test_area_under_the_curve_equals_scikit_learns_with_ties(pairs: list[tuple[int, int]]) -> None:
    labels, scores = (np.array(column) for column in zip(*pairs, strict=True))

    ours = area_under_curve(labels, scores)

    if len(set(labels.tolist())) == 1:
        assert ours is None
    else:
        assert ours == pytest.approx(sklearn_metrics.roc_auc_score(labels, scores))


def test_regression_metrics_equal_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    targets, predicted = rng.normal(size=(50, 3)), rng.normal(size=(50, 3))

    ours = regression_metrics(targets, predicted)

    assert ours.mse == pytest.approx(sklearn_metrics.mean_squared_error(targets, predicted))
    assert ours.rmse == pytest.approx(ours.mse**0.5)
    assert ours.r2 == pytest.approx(sklearn_metrics.r2_score(targets, predicted))


def test_r2_is_none_where_the_targets_do_not_vary() -> None:
    assert regression_metrics(np.ones(4), np.arange(4.0)).r2 is None


def test_one_column_is_a_probability_of_class_1() -> None:
    assert predictions(np.array([[0.2], [0.9]])).tolist() == [0, 1]
    assert predictions(np.array([[0.2, 0.1], [0.1, 0.9]])).tolist() == [0, 1]


def test_a_tenth_of_the_amplitude_as_noise_is_20_db() -> None:
    assert sqnr_db(np.array([1.0, -1.0]), np.array([1.1, -0.9])) == pytest.approx(20.0)


def test_equal_answers_have_no_sqnr() -> None:
    assert sqnr_db(np.ones(3), np.ones(3)) is None


def test_reconstruction_scores_are_per_sample() -> None:
    scores = reconstruction_scores(np.zeros((2, 2)), np.array([[1.0, 1.0], [0.0, 2.0]]))

    assert scores.tolist() == [1.0, 2.0]


def test_agreement_counts_equal_predictions() -> None:
    assert agreement(np.array([1, 2, 3, 4]), np.array([1, 2, 3, 0])) == 0.75
