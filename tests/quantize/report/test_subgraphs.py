import numpy as np

from quantize.ir.interpreter import execute, trace
from quantize.report.subgraphs import alone, logits_name, with_logits
from tests.models import random_inputs, tiny_classifier


def test_logits_become_an_output_and_nothing_else_changes(rng: np.random.Generator) -> None:
    graph = tiny_classifier()
    inputs = random_inputs(graph, rng, 3)

    found = execute(with_logits(graph), inputs)

    assert logits_name(graph) == "logits"
    assert set(found) == {"scores", "logits"}
    assert np.array_equal(found["logits"], trace(graph, inputs)["logits"])
    assert np.array_equal(found["scores"], execute(graph, inputs)["scores"])


def test_every_operation_runs_alone(rng: np.random.Generator) -> None:
    graph = tiny_classifier()
    traced = trace(graph, random_inputs(graph, rng, 2))

    for operation in graph.operations:
        part = alone(graph, operation)
        found = execute(part, {name: traced[name] for name in part.inputs})
        assert np.array_equal(found[operation.output], traced[operation.output])


def test_a_network_without_a_softmax_has_its_output_as_logits() -> None:
    graph = tiny_classifier()
    mean = alone(graph, graph.operations[3])

    assert logits_name(mean) == "mean"
    assert with_logits(mean) == mean
