import numpy as np
import pytest

from quantize.emit.onnx_qdq import emit_qdq_onnx
from quantize.emit.onnx_simulated import SCALE, ZERO_POINT, emit_simulated_onnx
from quantize.emit.tflite_int8 import emit_tflite
from quantize.errors import DataError, ModelError
from quantize.executors import (
    Kernels,
    OnnxRunner,
    join,
    run_onnx,
    run_tflite,
    split,
    trace_tflite,
)
from quantize.ir.interpreter import execute, trace
from tests.models import random_inputs, tiny_classifier, tiny_float_classifier


@pytest.mark.ort
def test_batches_are_put_together_again() -> None:
    values = np.random.default_rng(1).uniform(0, 1, (70, 8, 8, 3)).astype(np.float32)
    model = emit_qdq_onnx(tiny_classifier())

    whole = run_onnx(model, {"image": values})["scores"]

    single = [run_onnx(model, {"image": values[i : i + 1]})["scores"] for i in (0, 33, 69)]
    assert np.array_equal(np.concatenate(single), whole[[0, 33, 69]])


@pytest.mark.ort
def test_threads_change_nothing() -> None:
    values = np.random.default_rng(1).uniform(0, 1, (9, 8, 8, 3)).astype(np.float32)
    model = emit_qdq_onnx(tiny_classifier())

    one, two = (run_onnx(model, {"image": values}, threads=n)["scores"] for n in (1, 2))

    assert np.array_equal(one, two)


@pytest.mark.ort
def test_weights_stay_float_between_rounded_tensors_where_integers_are_not_wanted() -> None:
    names = ["conv", "depthwise"]
    model = emit_simulated_onnx(tiny_float_classifier(), names, names)
    feed: dict[str, np.ndarray] = {SCALE + name: np.array(1e-2, np.float32) for name in names}
    feed |= {ZERO_POINT + name: np.array(-128, np.int8) for name in names}
    feed["image"] = np.random.default_rng(2).normal(size=(4, 6, 6, 2)).astype(np.float32)

    found = OnnxRunner(model, integers=False)(feed)

    as_it_stands = OnnxRunner(model, optimize=False)(feed)
    for name in names:
        np.testing.assert_allclose(found[name], as_it_stands[name], atol=1e-5)


@pytest.mark.ort
def test_onnx_runtimes_refusal_is_one_line() -> None:
    with pytest.raises(ModelError, match="ONNX Runtime refuses it") as caught:
        run_onnx(b"no model", {"x": np.zeros((1, 1), np.float32)})

    assert "\n" not in str(caught.value)


@pytest.mark.tflite
def test_reference_kernels_give_the_interpreters_codes() -> None:
    graph = tiny_classifier()
    codes = random_inputs(graph, np.random.default_rng(3), 5)

    found = trace_tflite(emit_tflite(graph), codes, kernels=Kernels.REFERENCE)

    expected = trace(graph, codes)
    for name in ("conv", "depthwise", "sum"):
        assert np.array_equal(found[name], expected[name])


@pytest.mark.tflite
def test_default_kernels_are_close_to_the_interpreter() -> None:
    graph = tiny_classifier()
    codes = random_inputs(graph, np.random.default_rng(3), 5)

    found = run_tflite(emit_tflite(graph), codes)["scores"].astype(int)

    assert np.abs(found - execute(graph, codes)["scores"]).max() <= 16  # softmax magnifies


@pytest.mark.tflite
def test_litert_refuses_what_is_no_model() -> None:
    with pytest.raises(ModelError, match="LiteRT refuses it"):
        run_tflite(b"no model", {"x": np.zeros((1, 1), np.int8)})


@pytest.mark.tflite
def test_a_missing_input_is_named() -> None:
    wrong = {"a": np.zeros((1, 8, 8, 3), np.int8), "b": np.zeros((1, 8, 8, 3), np.int8)}

    with pytest.raises(DataError, match="image: no such input"):
        run_tflite(emit_tflite(tiny_classifier()), wrong)


def test_splitting_and_joining_gives_the_whole() -> None:
    values = {"x": np.arange(10)}

    batches = list(split(values, 4))

    assert [len(batch["x"]) for batch in batches] == [4, 4, 2]
    assert join(batches)["x"].tolist() == list(range(10))
