import numpy as np

from quantize.ir.interpreter import execute, trace
from quantize.report.subgraphs import alone, logits_name, up_to
from tests.models import random_inputs, tiny_classifier


def test_the_part_up_to_the_logits_gives_the_networks_own_logits(rng: np.random.Generator) -> None:
    graph = tiny_classifier()
    inputs = random_inputs(graph, rng, 3)

    assert logits_name(graph) == "logits"
    part = up_to(graph, "logits")

    assert np.array_equal(execute(part, inputs)["logits"], trace(graph, inputs)["logits"])
    assert "scores" not in part.tensors


def test_every_operation_runs_alone(rng: np.random.Generator) -> None:
    graph = tiny_classifier()
    traced = trace(graph, random_inputs(graph, rng, 2))

    for operation in graph.operations:
        part = alone(graph, operation)
        found = execute(part, {name: traced[name] for name in part.inputs})
        assert np.array_equal(found[operation.output], traced[operation.output])


def test_a_network_without_a_softmax_has_its_output_as_logits() -> None:
    assert logits_name(up_to(tiny_classifier(), "sum")) == "sum"
