import numpy as np

from quantize.ir.graph import Graph, IntGraph
from quantize.ir.interpreter import execute
from quantize.ir.ops import FullyConnected
from quantize.ir.spec import check_integer
from quantize.report.codes import codes_by_name
from quantize.report.parity import Codes, Runner
from quantize.self_test_vectors import SAMPLES, SLACK_LSB, make_vectors
from tests.edge_runtime.bundles import dense
from tests.models import tiny_classifier

CANDIDATES = {"image": np.random.default_rng(0).random((20, 8, 8, 3), np.float32)}


def _interpreter(graph: IntGraph) -> Runner:
    return lambda inputs: execute(graph, inputs)


def _off_on_even_samples(graph: IntGraph) -> Runner:
    def run(inputs: Codes) -> Codes:
        answer = execute(graph, inputs)["scores"].copy()
        answer[::2, 0] ^= 16
        return {"scores": answer}

    return run


def test_answers_are_the_executors_own() -> None:
    graph = tiny_classifier()

    vectors = make_vectors(graph, CANDIDATES, {"onnx": _interpreter})

    codes = codes_by_name(graph, {"image": vectors.arrays["inputs"]})
    assert np.array_equal(vectors.arrays["onnx"], execute(graph, codes)["scores"])
    assert vectors.max_lsb == {"onnx": SLACK_LSB}


def test_samples_on_which_executors_disagree_are_left_out() -> None:
    executors = {"onnx": _interpreter, "tflite": _off_on_even_samples}

    vectors = make_vectors(tiny_classifier(), CANDIDATES, executors)

    assert len(vectors.arrays["inputs"]) == SAMPLES
    assert np.array_equal(vectors.arrays["inputs"], CANDIDATES["image"][1::2][:SAMPLES])
    assert vectors.max_lsb == {"onnx": SLACK_LSB, "tflite": SLACK_LSB}


def test_what_cannot_be_left_out_is_tolerated() -> None:
    few = {"image": CANDIDATES["image"][:2]}

    vectors = make_vectors(tiny_classifier(), few, {"tflite": _off_on_even_samples})

    assert vectors.max_lsb == {"tflite": 16 + SLACK_LSB}


def test_every_output_has_answers_and_the_worst_one_counts() -> None:
    graph = two_headed()

    def off_in_the_second(graph: IntGraph) -> Runner:
        def run(inputs: Codes) -> Codes:
            answers = execute(graph, inputs)
            return {"y": answers["y"], "z": answers["z"] ^ 4}

        return run

    vectors = make_vectors(
        graph,
        {"x": np.random.default_rng(0).random((9, 4), np.float32)},
        {"onnx": _interpreter, "tflite": off_in_the_second},
    )

    assert set(vectors.arrays) == {"inputs", "onnx", "onnx_1", "tflite", "tflite_1"}
    assert np.array_equal(vectors.arrays["tflite_1"], vectors.arrays["onnx_1"] ^ 4)
    assert set(vectors.max_lsb.values()) == {4 + SLACK_LSB}


def two_headed() -> IntGraph:
    """Two dense layers of one input, each an output."""
    first = dense([[10, 20, 30, 40]], 0.01, [0], 0.02, 0)
    tensors = dict(first.tensors) | {"z": first.tensors["y"], "v": first.tensors["w"]}
    constants = dict(first.constants) | {"v": -first.constants["w"]}
    (layer,) = first.operations
    operations = (layer, FullyConnected("x", "v", "b", "z"))
    return check_integer(Graph("two", ("x",), ("y", "z"), tensors, constants, operations))
