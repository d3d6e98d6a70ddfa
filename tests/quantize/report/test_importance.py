import numpy as np
import pytest
from sklearn.inspection import permutation_importance as sklearn_permutation_importance
from sklearn.linear_model import LinearRegression

from quantize.report.evaluation import Question
from quantize.report.importance import is_tabular, permutation_importance
from quantize.report.task import Task


def _linear(weights: list[float]) -> object:
    def ask(samples: np.ndarray) -> np.ndarray:
        return samples @ np.array(weights, np.float32)[:, None]

    return ask


def test_a_column_that_is_not_read_matters_nothing(rng: np.random.Generator) -> None:
    rows = rng.normal(size=(150, 3)).astype(np.float32)
    targets = rows @ np.array([3.0, 1.0, 0.0], np.float32)
    question = Question(Task.REGRESSION, targets, None, (), None)

    found = permutation_importance(
        question, rows, (_linear([3, 1, 0]), _linear([1, 3, 0])), ["a", "b", "c"]
    )

    assert [entry.feature for entry in found] == ["a", "b", "c"]
    assert found[2].float_loss == 0.0
    assert found[2].int8_loss == 0.0
    assert found[0].float_loss > 3.0
    assert found[1].int8_loss > 1.0
    assert found[0].metric == "rmse"


def test_the_order_is_scikit_learn_s(rng: np.random.Generator) -> None:
    rows = rng.normal(size=(200, 4)).astype(np.float32)
    targets = rows @ np.array([1.0, 4.0, 0.2, 2.0], np.float32) + rng.normal(0, 0.1, 200)
    model = LinearRegression().fit(rows, targets)

    found = permutation_importance(
        Question(Task.REGRESSION, targets, None, (), None),
        rows,
        (model.predict, model.predict),
        (),
    )

    theirs = sklearn_permutation_importance(model, rows, targets, random_state=0)
    order = np.argsort(-theirs.importances_mean)
    assert [entry.feature for entry in found] == [f"column {index}" for index in order]


@pytest.mark.parametrize("task", [Task.CLASSIFICATION, Task.TENSOR])
def test_without_labels_the_float_model_is_the_truth(task: Task, rng: np.random.Generator) -> None:
    rows = rng.normal(size=(80, 2)).astype(np.float32)

    def ask(samples: np.ndarray) -> np.ndarray:
        return np.stack([samples[:, 0], -samples[:, 0]], axis=1)

    found = permutation_importance(
        Question(task, None, None, ("a", "b"), None), rows, (ask, ask), ()
    )

    assert found[0].feature == "column 0"
    assert found[0].float_loss > 0.2
    assert found[1].float_loss == 0.0


def test_what_a_table_is() -> None:
    assert is_tabular((1, 10))
    assert is_tabular((1, 50, 6))
    assert not is_tabular((1, 640))
    assert not is_tabular((1, 6, 6, 2))
