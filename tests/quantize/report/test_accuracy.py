import numpy as np
import pytest
from sklearn.metrics import confusion_matrix as sklearn_confusion_matrix
from sklearn.metrics import recall_score, roc_auc_score

from quantize.report.accuracy import accuracy_details, confusion_matrix
from quantize.report.evaluation import Answers, Question
from quantize.report.task import Task

NAMES = ("cat", "dog", "owl")


def _answers(outputs: np.ndarray, scores: np.ndarray | None = None) -> Answers:
    return Answers(outputs, outputs, scores)


def _classification(
    rng: np.random.Generator, count: int = 200
) -> tuple[Question, Answers, Answers]:
    labels = rng.integers(0, 3, count)
    wanted = rng.normal(size=(count, 3)) + 2 * np.eye(3)[labels]
    found = wanted + rng.normal(0, 0.6, size=wanted.shape)
    groups = np.where(np.arange(count) % 4 == 0, "night", "day")
    question = Question(Task.CLASSIFICATION, labels, groups, NAMES, None)
    return question, _answers(wanted), _answers(found)


def test_confusion_is_scikit_learn_s(rng: np.random.Generator) -> None:
    labels, predicted = rng.integers(0, 5, 300), rng.integers(0, 4, 300)

    ours = confusion_matrix(labels, predicted, 5)

    wanted = sklearn_confusion_matrix(labels, predicted, labels=range(5))
    np.testing.assert_array_equal(ours, wanted)


def test_both_confusions_and_recalls_are_of_the_models_own_answers(
    rng: np.random.Generator,
) -> None:
    question, wanted, found = _classification(rng)

    details = accuracy_details(question, wanted, found)

    assert details.confusion is not None
    for matrix, answers in (
        (details.confusion.float_model, wanted),
        (details.confusion.int8_model, found),
    ):
        said = answers.outputs.argmax(axis=1)
        np.testing.assert_array_equal(matrix, sklearn_confusion_matrix(question.labels, said))
    recalls = recall_score(question.labels, found.outputs.argmax(axis=1), average=None)
    assert [entry.int8_value for entry in details.classes] == pytest.approx(list(recalls))
    assert [entry.name for entry in details.classes] == list(NAMES)


def test_a_drop_in_one_group_alone_is_seen_there_and_only_there(rng: np.random.Generator) -> None:
    question, wanted, _ = _classification(rng)
    assert question.groups is not None
    worse = wanted.outputs.copy()
    worse[question.groups == "night"] = -worse[question.groups == "night"]

    details = accuracy_details(question, wanted, _answers(worse))

    day, night = details.groups
    assert (day.name, day.samples, day.drop) == ("day", 150, 0.0)
    assert night.drop is not None
    assert night.drop > 0.3
    assert night.drop_interval is not None
    assert night.drop_interval.low > 0.0


def test_the_surest_change_comes_first_with_its_file_and_scores() -> None:
    wanted = np.array([[0.9, 0.1, 0], [0.6, 0.4, 0], [0.2, 0.3, 0.5]])
    found = np.array([[0.1, 0.9, 0], [0.3, 0.0, 0.7], [0.2, 0.3, 0.5]])
    question = Question(Task.CLASSIFICATION, np.array([0, 1, 2]), None, NAMES, None)

    details = accuracy_details(question, _answers(wanted), _answers(found), ("a", "b", "c"))

    first, second = details.changes
    assert (first.sample, first.file, first.label) == (0, "a", "cat")
    assert (first.float_class, first.float_score) == ("cat", 0.9)
    assert (second.int8_class, second.int8_score, second.label) == ("owl", 0.7, "dog")
    assert details.agreement is not None
    assert details.agreement.low < 1 / 3 < details.agreement.high


def test_without_labels_there_are_changes_but_no_confusion() -> None:
    question = Question(Task.CLASSIFICATION, None, None, NAMES, None)

    details = accuracy_details(question, _answers(np.eye(3)), _answers(np.eye(3)[::-1]))

    assert details.confusion is None
    assert details.metrics == details.classes == ()
    assert [change.label for change in details.changes] == [None, None]


def test_regression_has_bootstrap_intervals_around_its_errors(rng: np.random.Generator) -> None:
    targets = rng.normal(size=100)
    wanted, found = (targets + rng.normal(0, error, 100) for error in (0.1, 0.4))
    question = Question(Task.REGRESSION, targets, None, (), None)

    details = accuracy_details(question, _answers(wanted), _answers(found))

    rmse = details.metrics[0]
    assert rmse.name == "rmse"
    assert rmse.int8_value == pytest.approx(np.sqrt(np.mean((found - targets) ** 2)))
    assert rmse.int8_interval is not None
    assert rmse.int8_interval.low < rmse.int8_value < rmse.int8_interval.high
    assert rmse.drop_interval is not None
    assert rmse.drop_interval.low > 0.0
    assert details.metrics[2].name == "r2"
    assert details.metrics[2].drop is not None
    assert details.metrics[2].drop > 0.0


def test_an_anomaly_is_normal_or_not(rng: np.random.Generator) -> None:
    labels = np.arange(60) % 2
    scores = labels + rng.normal(0, 0.7, 60)
    question = Question(Task.ANOMALY, labels, None, (), 0.5)
    wanted, found = (_answers(part[:, None], part) for part in (scores, scores[::-1].copy()))

    details = accuracy_details(question, wanted, found)

    assert details.confusion is not None
    assert details.confusion.labels == ("normal", "anomaly")
    assert details.metrics[0].float_value == pytest.approx(roc_auc_score(labels, scores))
