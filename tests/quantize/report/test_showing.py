import numpy as np

from quantize.ir.graph import IntGraph
from quantize.ir.ops import FullyConnected
from quantize.lower import lower
from quantize.params import range_params
from quantize.report.accuracy import Change
from quantize.report.evaluation import Question
from quantize.report.explanation import Explanation
from quantize.report.showing import Show, look, spread_rows
from quantize.report.task import Task
from tests.models import float_graph

NOTHING = Explanation((), (), (), (), ())
SAMPLES = 60


def _graph(shape: tuple[int, ...]) -> IntGraph:
    size = int(np.prod(shape))
    weight = np.ones((2, size), np.float32)
    graph = float_graph([FullyConnected("x", "w", None, "y")], {"x": (1, *shape)}, {"w": weight})
    return lower(graph, dict.fromkeys(("x", "y"), range_params(-1.0, 1.0)))


def _show(shape: tuple[int, ...]) -> tuple[Show, list[np.ndarray]]:
    data = np.random.default_rng(4).normal(size=(SAMPLES, *shape)).astype(np.float32)
    asked: list[np.ndarray] = []

    def pick(rows: np.ndarray) -> np.ndarray:
        asked.append(rows)
        return data[rows]

    def ask(samples: np.ndarray) -> np.ndarray:
        return samples.reshape(len(samples), -1)[:, :2]

    question = Question(Task.CLASSIFICATION, np.arange(SAMPLES) % 2, None, ("a", "b"), None)
    return Show(question, _graph(shape), (ask, ask), pick, SAMPLES), asked


def _change(sample: int) -> Change:
    return Change(sample, None, None, "a", 0.9, "b", 0.8)


def test_changed_pictures_are_shown_and_some_of_them_mapped() -> None:
    show, asked = _show((8, 8, 3))

    explanation, pictures = look(show, NOTHING, [_change(33), _change(7), _change(9)])

    assert {33, 7, 9} <= set(pictures)
    assert [entry.sample for entry in explanation.occlusion][:2] == [33, 7]
    assert {entry.sample for entry in explanation.occlusion} <= set(pictures)
    assert asked[0].tolist() == sorted(asked[0].tolist())
    assert len(asked) == 1


def test_many_changes_cost_no_more_than_a_few() -> None:
    show, asked = _show((8, 8, 1))

    _, pictures = look(show, NOTHING, [_change(sample) for sample in range(50)])

    assert len(pictures) <= 24 + 4
    assert len(asked[0]) <= 24 + 4


def test_tables_get_importances_and_no_pictures() -> None:
    show, _ = _show((5,))

    explanation, pictures = look(show, NOTHING, [_change(1)])

    assert pictures == {}
    assert len(explanation.importance) == 5
    assert explanation.importance[0].metric == "accuracy"


def test_what_is_neither_is_left_alone() -> None:
    show, asked = _show((100,))

    assert look(show, NOTHING, []) == (NOTHING, {})
    assert asked == []


def test_samples_are_spread_from_the_first_to_the_last() -> None:
    assert spread_rows(10, 4).tolist() == [0, 3, 6, 9]
    assert spread_rows(2, 9).tolist() == [0, 1]
