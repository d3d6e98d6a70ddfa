import numpy as np
import pytest

from quantize.emit.tflite_int8 import emit_tflite
from quantize.executors import Kernels, TfliteRunner
from quantize.ir.graph import IntGraph, TensorType
from quantize.ir.interpreter import execute
from quantize.ir.ops import Dequantize, Quantize, Softmax
from quantize.ir.spec import SOFTMAX_OUTPUT
from quantize.report.parity import (
    Codes,
    Runner,
    compare_executor,
    counted_name,
    difference,
    interpret,
)
from tests.models import int8, int_graph, quant, random_inputs, tiny_classifier


def _interpreter(graph: IntGraph) -> Runner:
    return lambda inputs: execute(graph, inputs)


def _one_off(name: str) -> object:
    """Return an executor that is 1 too high (but at 127) wherever it makes the tensor `name`."""

    def executor(graph: IntGraph) -> Runner:
        def run(inputs: Codes) -> Codes:
            outputs = execute(graph, inputs)
            if name in outputs:
                outputs[name] = np.minimum(outputs[name], 126) + np.int8(1)
            return outputs

        return run

    return executor


def _litert(kernels: Kernels) -> object:
    return lambda graph: TfliteRunner(emit_tflite(graph), kernels=kernels)


def test_the_interpreter_does_not_differ_from_itself(rng: np.random.Generator) -> None:
    graph = tiny_classifier()
    reference = interpret(graph, random_inputs(graph, rng, 40), traced=4, has_classes=True)

    parity = compare_executor(reference, _interpreter)

    assert (parity.max_lsb, parity.differing_share, parity.changed_predictions) == (0, 0.0, 0)
    assert parity.operations == ()
    assert parity.samples == 40


def test_the_operation_that_differs_is_named(rng: np.random.Generator) -> None:
    graph = tiny_classifier()
    reference = interpret(graph, random_inputs(graph, rng, 4), traced=4, has_classes=True)

    parity = compare_executor(reference, _one_off("mean"))

    assert [(entry.name, entry.operation) for entry in parity.operations] == [("mean", "Mean")]
    assert parity.operation_max_lsb == 1


def test_end_to_end_differences_are_those_of_the_logits(rng: np.random.Generator) -> None:
    graph = tiny_classifier()
    reference = interpret(graph, random_inputs(graph, rng, 4), traced=1, has_classes=False)

    parity = compare_executor(reference, _one_off("scores"))

    assert parity.max_lsb == 0
    assert parity.changed_predictions is None


@pytest.mark.tflite
def test_litert_reference_kernels_agree_operation_by_operation(rng: np.random.Generator) -> None:
    graph = tiny_classifier()
    reference = interpret(graph, random_inputs(graph, rng, 8), traced=8, has_classes=True)

    parity = compare_executor(reference, _litert(Kernels.REFERENCE))

    assert {entry.operation for entry in parity.operations} <= {"FullyConnected"}
    assert parity.operation_max_lsb <= 1


@pytest.mark.tflite
def test_litert_default_kernels_are_at_most_one_off_an_operation(rng: np.random.Generator) -> None:
    graph = tiny_classifier()
    reference = interpret(graph, random_inputs(graph, rng, 8), traced=8, has_classes=True)

    assert compare_executor(reference, _litert(Kernels.DEFAULT)).operation_max_lsb <= 1


def test_differences_do_not_wrap_around() -> None:
    found = difference(np.array([-128, 5], np.int8), np.array([127, 5], np.int8))

    assert (found.max_lsb, found.differing_share) == (255, 0.5)


@pytest.mark.tflite
def test_logits_in_float_have_no_codes_so_that_the_output_is_counted() -> None:
    row = (1, 5)
    tensors = {"x": int8(row, quant(0.1)), "real": TensorType(row), "soft": TensorType(row)}
    tensors["y"] = int8(row, SOFTMAX_OUTPUT)
    operations = [Dequantize("x", "real"), Softmax("real", "soft"), Quantize("soft", "y")]
    graph = int_graph(operations, tensors, {}, ["y"])
    codes = random_inputs(graph, np.random.default_rng(3), 6)

    found = compare_executor(
        interpret(graph, codes, traced=4, has_classes=True), _litert(Kernels.REFERENCE)
    )

    assert counted_name(graph) == "y"
    assert (found.max_lsb, found.operation_max_lsb, found.changed_predictions) == (0, 0, 0)
