import numpy as np
import pytest

from quantize.errors import DataError
from quantize.report.evaluation import (
    Answers,
    Metric,
    Question,
    anomaly_scores,
    check_question,
    evaluate,
)
from quantize.report.report import manifest_metrics
from quantize.report.task import Task


def _answers(outputs: list[object], scores: list[float] | None = None) -> Answers:
    values = np.array(outputs, np.float32)
    return Answers(values, values, None if scores is None else np.array(scores))


def _question(task: Task, labels: object = None, **changes: object) -> Question:
    given = None if labels is None else np.asarray(labels)
    return Question(
        task=task,
        labels=given,
        groups=changes.get("groups"),
        class_names=changes.get("class_names", ("a", "b")),
        threshold=changes.get("threshold"),
        class_cut=changes.get("class_cut", 0.5),
    )


FLOAT = _answers([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
INT8 = _answers([[0.8, 0.2], [0.2, 0.8], [0.4, 0.6], [0.3, 0.7]])


def test_classification_counts_hits_and_changes() -> None:
    found = evaluate(_question(Task.CLASSIFICATION, [0, 1, 0, 0]), FLOAT, INT8)

    (metric,) = found.metrics
    assert (metric.name, metric.float_value, metric.int8_value) == ("accuracy", 0.75, 0.5)
    assert metric.drop == pytest.approx(25.0)
    assert (found.agreement, found.changed_predictions) == (0.75, 1)
    assert found.classes[0].float_model.recall == pytest.approx(2 / 3)
    assert found.classes[0].int8_model.recall == pytest.approx(1 / 3)


def test_without_labels_the_models_are_still_compared() -> None:
    found = evaluate(_question(Task.CLASSIFICATION), FLOAT, INT8)

    assert found.metrics == ()
    assert found.changed_predictions == 1
    assert found.sqnr_db is not None


def test_a_lone_logit_means_class_1_from_0_on() -> None:
    question = _question(Task.CLASSIFICATION, [0, 1, 1], class_cut=0.0)
    answers = _answers([[-3.0], [0.2], [4.0]])

    found = evaluate(question, answers, answers)

    assert found.metrics[0].int8_value == 1.0


def test_groups_have_a_metric_of_their_own() -> None:
    groups = np.array(["x", "x", "y", "y"])

    found = evaluate(_question(Task.CLASSIFICATION, [0, 1, 0, 0], groups=groups), FLOAT, INT8)

    assert found.groups["x"].int8_value == 1.0
    assert found.groups["y"].int8_value == 0.0


def test_regression_has_errors_and_no_agreement() -> None:
    found = evaluate(
        _question(Task.REGRESSION, [[1.0], [2.0]]), _answers([[1.0], [2.0]]), _answers([[1], [4]])
    )

    assert [metric.name for metric in found.metrics] == ["rmse", "mse", "r2"]
    assert found.metrics[1].int8_value == 2.0
    assert found.agreement is None


def test_anomalies_are_measured_by_the_area_and_the_verdicts() -> None:
    question = _question(Task.ANOMALY, [0, 0, 1], threshold=0.5)

    found = evaluate(
        question, _answers([[0]] * 3, [0.1, 0.2, 0.9]), _answers([[0]] * 3, [0.1, 0.6, 0.9])
    )

    assert found.metrics[0].name == "auc"
    assert found.changed_predictions == 1


def test_an_anomaly_is_the_error_of_a_reconstruction_or_the_lone_output() -> None:
    inputs = np.zeros((2, 3))

    assert anomaly_scores(inputs, np.array([[3.0, 0, 0], [0, 0, 0]])).tolist() == [3.0, 0.0]
    assert anomaly_scores(inputs, np.array([[0.5], [0.25]])).tolist() == [0.5, 0.25]
    with pytest.raises(DataError, match="the output has 2 values, allowed are 1"):
        anomaly_scores(inputs, np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("task", "labels", "columns", "message"),
    [
        (Task.CLASSIFICATION, [0, 3], 3, r"sample 1 has label 3, allowed are 0\.\.2"),
        (Task.CLASSIFICATION, [0.5, 1.0], 3, "needs whole numbers"),
        (Task.ANOMALY, [0, 2], 640, r"allowed are 0\.\.1"),
        (Task.REGRESSION, [[1.0, 2.0]], 3, "2 targets a sample, the model gives 3"),
    ],
)
def test_labels_that_do_not_match_are_refused(
    task: Task, labels: object, columns: int, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        check_question(_question(task, labels), columns)


def test_an_error_that_grows_is_a_drop_in_percent() -> None:
    assert Metric("rmse", 2.0, 2.5).drop == pytest.approx(25.0)
    assert Metric("rmse", 2.0, 1.5).drop == 0.0
    assert Metric("rmse", 0.0, 0.1).drop == float("inf")


def test_the_manifest_holds_finite_numbers_only() -> None:
    metrics = manifest_metrics(evaluate(_question(Task.CLASSIFICATION, [0, 1, 0, 0]), FLOAT, FLOAT))

    assert metrics == {"agreement": 1.0, "float_accuracy": 0.75, "int8_accuracy": 0.75}
