from pathlib import Path

import numpy as np
import pytest

from quantize.calibrate.arrays import open_arrays
from quantize.calibrate.dataset import Dataset, ModelInput
from quantize.emit.onnx_qdq import emit_qdq_onnx
from quantize.executors import Kernels, run_onnx
from quantize.ir.float_executor import execute_float, trace_float
from quantize.ir.interpreter import execute
from quantize.measure import (
    answers,
    float_runner,
    int8_runner,
    onnx_executor,
    spread_samples,
    tflite_executor,
)
from quantize.report.parity import difference
from quantize.report.task import Task
from tests.models import random_inputs, tiny_classifier, tiny_float_classifier
from tests.quantize.cases import classifier_arrays, save_classifier_data


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return open_arrays(save_classifier_data(tmp_path), [ModelInput("image", (1, 6, 6, 2))])


@pytest.mark.ort
def test_the_float_models_answers_are_the_float_graphs(dataset: Dataset) -> None:
    graph = tiny_float_classifier()

    found = answers(float_runner(graph), ("scores", "logits"), dataset, Task.CLASSIFICATION)

    values = trace_float(graph, {"image": classifier_arrays()["x"]})
    assert found.outputs == pytest.approx(values["scores"], abs=1e-5)
    assert found.logits == pytest.approx(values["logits"], abs=1e-5)
    assert found.scores is None


@pytest.mark.ort
def test_int8_answers_have_scores_and_logits(rng: np.random.Generator) -> None:
    graph = tiny_classifier()
    images = {"image": rng.random((3, 8, 8, 3), np.float32)}

    found = int8_runner(graph)(images)

    assert set(found) == {"scores", "logits"}
    assert np.array_equal(found["scores"], run_onnx(emit_qdq_onnx(graph), images)["scores"])


@pytest.mark.ort
@pytest.mark.tflite
def test_executors_take_and_give_codes(rng: np.random.Generator) -> None:
    graph = tiny_classifier()
    inputs = random_inputs(graph, rng, 5)
    wanted = execute(graph, inputs)["scores"]

    for executor in (onnx_executor, tflite_executor(Kernels.REFERENCE)):
        codes = executor(graph)(inputs)["scores"]
        assert codes.dtype == np.int8
        assert difference(codes, wanted).max_lsb <= 16


@pytest.mark.parametrize("limit", [1, 5, 24, 100])
def test_samples_are_spread_over_the_data(limit: int, dataset: Dataset) -> None:
    images = classifier_arrays()["x"]

    found = spread_samples(dataset, limit)["image"]

    assert len(found) == min(limit, len(images))
    assert np.array_equal(found[0], images[0])
    if limit > 1:
        assert np.array_equal(found[-1], images[-1])


def test_the_reference_float_graph_is_what_the_cases_are_labelled_by() -> None:
    arrays = classifier_arrays()

    scores = execute_float(tiny_float_classifier(), {"image": arrays["x"]})["scores"]

    assert int(np.sum(scores.argmax(1) != arrays["y"])) == 3
