import numpy as np
import pytest

from quantize.report.subgraphs import alone
from quantize.report.task import Task, class_cut, infer_task, last_activation
from tests.models import tiny_classifier

SCORES = tiny_classifier()  # 5 columns, out of a softmax
LOGITS = alone(SCORES, SCORES.operations[4])  # the fully connected one before it


@pytest.mark.parametrize(
    ("labels", "task"),
    [
        (np.zeros(4, np.int64), Task.CLASSIFICATION),
        (np.zeros((4, 5), np.float32), Task.REGRESSION),
        (np.zeros(4, np.float32), Task.TENSOR),
        (np.zeros((4, 2), np.float32), Task.TENSOR),
        (None, Task.TENSOR),
    ],
)
def test_labels_decide_the_task(labels: np.ndarray | None, task: Task) -> None:
    assert infer_task(LOGITS, labels, None) is task


def test_a_last_softmax_means_classes() -> None:
    assert infer_task(SCORES, None, None) is Task.CLASSIFICATION
    assert last_activation(SCORES) == "softmax"
    assert last_activation(LOGITS) == "none"


def test_the_models_own_word_counts_most() -> None:
    assert infer_task(SCORES, np.zeros(4, np.int64), "regression") is Task.REGRESSION


def test_a_lone_score_is_cut_where_its_activation_puts_the_middle() -> None:
    assert class_cut(SCORES) == 0.5
    assert class_cut(LOGITS) == 0.0
