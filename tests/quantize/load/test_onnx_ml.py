import numpy as np
import pytest

from quantize.errors import UnsupportedModelError
from quantize.load.onnx_model import load_onnx
from tests.onnx_models import (
    assert_reads_as_onnxruntime_runs,
    floats,
    kinds,
    node,
    onnx_bytes,
)

pytestmark = pytest.mark.ort

ROWS = {"x": ("N", 4)}


def coefficients(rows: int, seed: int = 0) -> dict[str, list[float]]:
    return {
        "coefficients": floats(rows * 4, seed=seed).tolist(),
        "intercepts": floats(rows, seed=seed + 1).tolist(),
    }


def opposite(rows: dict[str, list[float]]) -> dict[str, list[float]]:
    return {name: [-value for value in values] + values for name, values in rows.items()}


def test_a_scaler_goes_into_the_layer_behind_it() -> None:
    nodes = [
        node("Scaler", "x", "a", offset=floats(4).tolist(), scale=floats(4, seed=1).tolist()),
        node("LinearRegressor", "a", targets=2, **coefficients(2)),
    ]

    graph = assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, ROWS))

    assert kinds(graph) == ["FullyConnected"]


@pytest.mark.parametrize("post", ["NONE", "LOGISTIC", "SOFTMAX"])
def test_the_scores_of_three_classes(post: str) -> None:
    classifier = node(
        "LinearClassifier",
        "x",
        "label y",
        classlabels_strings=["a", "b", "c"],
        post_transform=post,
        **coefficients(3),
    )
    data = onnx_bytes([classifier], ROWS)

    assert_reads_as_onnxruntime_runs(data)
    assert load_onnx(data, "made").labels == ("a", "b", "c")


def test_one_row_of_coefficients_makes_two_classes() -> None:
    classifier = node(
        "LinearClassifier",
        "x",
        "label y",
        classlabels_ints=[0, 1],
        post_transform="LOGISTIC",
        **coefficients(1),
    )

    graph = assert_reads_as_onnxruntime_runs(onnx_bytes([classifier], ROWS))

    assert kinds(graph) == ["FullyConnected", "Logistic"]


@pytest.mark.parametrize(
    ("post", "rows"), [("SOFTMAX", coefficients(3)), ("LOGISTIC", opposite(coefficients(1)))]
)
def test_a_normalizer_of_what_sums_to_1_vanishes(post: str, rows: dict[str, list[float]]) -> None:
    labels = list(range(len(rows["intercepts"])))
    nodes = [
        node("LinearClassifier", "x", "l a", classlabels_ints=labels, post_transform=post, **rows),
        node("Normalizer", "a", norm="L1"),
    ]

    assert "Mul" not in kinds(assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, ROWS)))


@pytest.mark.parametrize("norm", ["L1", "L2", "MAX"])
def test_other_normalizers_are_refused(norm: str) -> None:
    data = onnx_bytes([node("Normalizer", "x", norm=norm)], ROWS)

    with pytest.raises(UnsupportedModelError, match=f"norm {norm} divides every row"):
        load_onnx(data, "made")


def test_normalized_one_vs_rest_probabilities_are_refused() -> None:
    rows = coefficients(3)
    nodes = [
        node(
            "LinearClassifier",
            "x",
            "l a",
            classlabels_ints=[0, 1, 2],
            post_transform="LOGISTIC",
            **rows,
        ),
        node("Normalizer", "a", norm="L1"),
    ]

    with pytest.raises(UnsupportedModelError, match="train a multinomial model"):
        load_onnx(onnx_bytes(nodes, ROWS), "made")


def test_other_transforms_are_refused() -> None:
    data = onnx_bytes(
        [node("LinearRegressor", "x", post_transform="PROBIT", **coefficients(1))], ROWS
    )

    with pytest.raises(UnsupportedModelError, match="post_transform PROBIT"):
        load_onnx(data, "made")


def test_picked_columns_go_into_the_layer_in_front() -> None:
    nodes = [
        node("LinearRegressor", "x", "a", targets=3, **coefficients(3)),
        node("ArrayFeatureExtractor", "a columns"),
    ]
    data = onnx_bytes(nodes, ROWS, {"columns": np.array([2, 0], np.int64)})

    assert kinds(assert_reads_as_onnxruntime_runs(data)) == ["FullyConnected"]


def test_columns_that_are_not_there_are_refused() -> None:
    nodes = [node("ArrayFeatureExtractor", "x columns")]
    data = onnx_bytes(nodes, ROWS, {"columns": np.array([4], np.int64)})

    with pytest.raises(UnsupportedModelError, match=r"columns \[4\]"):
        load_onnx(data, "made")
