import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, Normalizer, StandardScaler
from sklearn.svm import LinearSVC

from quantize.errors import ModelError, UnsupportedModelError
from quantize.ir.float_executor import execute_float
from quantize.ir.graph import Array, FloatGraph
from quantize.load.loaded import LoadedModel
from quantize.load.sklearn_model import INPUT_NAME, load_sklearn
from quantize.passes.simplify import simplify
from tests.onnx_models import kinds

RNG = np.random.default_rng(3)
ROWS = (RNG.normal(size=(80, 4)) * [1, 10, 0.1, 3] + [0, 5, 1, -2]).astype(np.float32)
TARGET = ROWS @ [1, 0.2, -9, 0.7] + RNG.normal(size=80)
TWO = (np.median(TARGET) < TARGET).astype(int)
THREE = np.array(["low", "mid", "top"])[np.digitize(TARGET, np.quantile(TARGET, [0.3, 0.7]))]

REGRESSORS = {
    "linear": (LinearRegression(), TARGET),
    "two targets": (LinearRegression(), np.stack([TARGET, -TARGET], axis=1)),
    "ridge": (Ridge(), TARGET),
    "scaled": (make_pipeline(StandardScaler(), Ridge()), TARGET),
    "into a range": (make_pipeline(MinMaxScaler(), Ridge()), TARGET),
    "by the greatest": (make_pipeline(MaxAbsScaler(), Ridge()), TARGET),
    "components": (make_pipeline(StandardScaler(), PCA(2), Ridge()), TARGET),
    "net": (
        make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(6, 5), max_iter=30)),
        TARGET,
    ),
}

CLASSIFIERS = {
    "two": (LogisticRegression(max_iter=500), TWO),
    "three": (LogisticRegression(max_iter=500), THREE),
    "scaled two": (make_pipeline(StandardScaler(), LogisticRegression()), TWO),
    "scaled three": (make_pipeline(StandardScaler(), LogisticRegression()), THREE),
    "one against the rest": (LogisticRegression(solver="liblinear"), TWO),
    "net of two": (
        make_pipeline(StandardScaler(), MLPClassifier(hidden_layer_sizes=(6,), max_iter=30)),
        TWO,
    ),
    "net of three": (
        make_pipeline(
            StandardScaler(),
            MLPClassifier(hidden_layer_sizes=(6, 4), activation="tanh", max_iter=30),
        ),
        THREE,
    ),
}

SCORERS = {
    "margins": (LinearSVC(), THREE),
    "margin of two": (LinearSVC(), TWO),
    "ridge": (RidgeClassifier(), THREE),
}


def fit(estimator: Any, target: Array) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few iterations are enough here
        return estimator.fit(ROWS, target)


def run(estimator: Any) -> tuple[LoadedModel, FloatGraph, Array]:
    loaded = load_sklearn(estimator, 4, "estimator")
    graph = simplify(loaded.graph)
    (result,) = execute_float(graph, {INPUT_NAME: ROWS}).values()
    return loaded, graph, result


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors_predict_what_scikit_learn_predicts(name: str) -> None:
    estimator = fit(*REGRESSORS[name])

    loaded, _, result = run(estimator)

    expected = estimator.predict(ROWS).reshape(len(ROWS), -1)
    np.testing.assert_allclose(result, expected, rtol=0, atol=2e-5 * np.abs(expected).max())
    assert loaded.task_hint == "regression"


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers_have_scikit_learns_probabilities_and_labels(name: str) -> None:
    estimator = fit(*CLASSIFIERS[name])

    loaded, _, result = run(estimator)

    np.testing.assert_allclose(result, estimator.predict_proba(ROWS), rtol=0, atol=1e-5)
    assert loaded.labels == tuple(str(label) for label in estimator.classes_)
    assert loaded.task_hint == "classification"


@pytest.mark.parametrize("name", SCORERS)
def test_classifiers_without_probabilities_have_their_scores(name: str) -> None:
    estimator = fit(*SCORERS[name])

    _, _, result = run(estimator)

    expected = estimator.decision_function(ROWS).reshape(len(ROWS), -1)
    np.testing.assert_allclose(result[:, -expected.shape[1] :], expected, rtol=0, atol=1e-4)


def test_a_scaled_linear_model_is_one_layer() -> None:
    _, graph, _ = run(fit(make_pipeline(StandardScaler(), Ridge()), TARGET))

    assert kinds(graph) == ["FullyConnected"]


def test_a_net_of_two_classes_ends_in_one_layer_and_its_logistic() -> None:
    estimator = fit(MLPClassifier(hidden_layer_sizes=(6,), max_iter=30), TWO)

    _, graph, _ = run(estimator)

    assert kinds(graph) == ["FullyConnected", "FullyConnected", "Logistic"]


def test_what_cannot_be_folded_is_refused_by_name() -> None:
    estimator = fit(make_pipeline(Normalizer(), Ridge()), TARGET)

    with pytest.raises(UnsupportedModelError, match="norm L2"):
        load_sklearn(estimator, 4, "estimator")


def test_an_estimator_that_is_not_fitted_is_one_clear_line() -> None:
    with pytest.raises(ModelError, match="skl2onnx cannot convert it") as caught:
        load_sklearn(Ridge(), 4, "estimator")

    assert "\n" not in str(caught.value)
