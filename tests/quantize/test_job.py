from pathlib import Path

import numpy as np
import pytest

from quantize.budget import Budget
from quantize.errors import DataError, ModelError
from quantize.ir.ops import Add, FullyConnected
from quantize.job import Job, model_inputs, open_job_data
from quantize.load.loaded import LoadedModel
from quantize.report.task import Task
from tests.models import float_graph, tiny_float_classifier
from tests.quantize.cases import SAMPLES, classifier_arrays, save_classifier_data

MODEL = LoadedModel(tiny_float_classifier())


def _job(data: Path, **changes: object) -> Job:
    return Job(model=Path("net.onnx"), calibrate=data, out=Path("out"), **changes)


def test_the_calibration_data_is_evaluated_where_no_other_is_given(tmp_path: Path) -> None:
    data = open_job_data(_job(save_classifier_data(tmp_path)), MODEL)

    assert data.evaluation is data.calibration
    assert data.question.task is Task.CLASSIFICATION
    assert data.question.class_names == ("0", "1", "2")


def test_labels_come_from_the_evaluation_data(tmp_path: Path) -> None:
    calibrate = save_classifier_data(tmp_path, "a.npz", y=None)
    evaluate = save_classifier_data(tmp_path, "b.npz", group=np.arange(SAMPLES) % 2)

    question = open_job_data(_job(calibrate, evaluate=evaluate), MODEL).question

    assert question.labels is not None
    assert question.groups is not None


def test_names_of_the_model_are_those_of_its_classes(tmp_path: Path) -> None:
    named = LoadedModel(tiny_float_classifier(), labels=("cat", "dog", "cow"))

    question = open_job_data(_job(save_classifier_data(tmp_path)), named).question

    assert question.class_names == ("cat", "dog", "cow")


def test_a_labels_file_wins_over_the_models_names(tmp_path: Path) -> None:
    named = LoadedModel(tiny_float_classifier(), labels=("cat", "dog", "cow"))
    (tmp_path / "labels.txt").write_text("a\nb\nc\n")
    job = _job(save_classifier_data(tmp_path), labels=tmp_path / "labels.txt")

    assert open_job_data(job, named).question.class_names == ("a", "b", "c")


def test_whole_numbers_written_as_reals_are_classes(tmp_path: Path) -> None:
    labels = classifier_arrays()["y"].astype(np.float32)
    job = _job(save_classifier_data(tmp_path, y=labels), task=Task.CLASSIFICATION)

    question = open_job_data(job, MODEL).question

    assert question.labels is not None
    assert question.labels.dtype == np.int64


def test_a_limit_without_labels_is_refused(tmp_path: Path) -> None:
    job = _job(save_classifier_data(tmp_path, y=None), budget=Budget(max_drop=1.0))

    with pytest.raises(DataError, match="--max-drop needs labels"):
        open_job_data(job, MODEL)


def test_a_limit_of_flips_needs_predictions(tmp_path: Path) -> None:
    job = _job(save_classifier_data(tmp_path), budget=Budget(max_flips=0.1), task=Task.TENSOR)

    with pytest.raises(DataError, match="--max-flips counts changed predictions, task tensor"):
        open_job_data(job, MODEL)


def test_names_that_are_not_as_many_as_the_classes_are_refused(tmp_path: Path) -> None:
    named = LoadedModel(tiny_float_classifier(), labels=("cat", "dog"))

    with pytest.raises(DataError, match="2 names, the model has 3 classes"):
        open_job_data(_job(save_classifier_data(tmp_path)), named)


def test_a_model_of_two_inputs_has_no_bundle(tmp_path: Path) -> None:
    graph = float_graph(
        [FullyConnected("a", "w", None, "c"), Add("c", "b", "d")],
        {"a": (1, 2), "b": (1, 2)},
        {"w": np.eye(2, dtype=np.float32)},
    )

    with pytest.raises(ModelError, match=r"2 inputs \(a, b\), a bundle's model has one"):
        open_job_data(_job(tmp_path / "x.npz"), LoadedModel(graph))


def test_an_input_of_the_source_keeps_its_permutation() -> None:
    loaded = LoadedModel(tiny_float_classifier(), input_permutations={"image": (0, 2, 3, 1)})

    (model_input,) = model_inputs(loaded)

    assert model_input.shape == (1, 6, 6, 2)
    assert model_input.permutation == (0, 2, 3, 1)
