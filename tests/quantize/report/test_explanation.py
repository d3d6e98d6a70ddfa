from dataclasses import replace

import numpy as np
import pytest

from quantize.calibrate.histogram import histogram_of
from quantize.ir.float_executor import trace_float
from quantize.ir.ops import Activation, FullyConnected
from quantize.lower import lower
from quantize.params import range_params
from quantize.recipe import Recipe
from quantize.report.explanation import Evidence, explain
from tests.models import float_graph


@pytest.fixture
def evidence(rng: np.random.Generator) -> Evidence:
    graph = float_graph(
        [
            FullyConnected("x", "w1", None, "hidden", Activation.RELU),
            FullyConnected("hidden", "w2", None, "y"),
        ],
        {"x": (1, 6)},
        {
            "w1": rng.normal(size=(8, 6)).astype(np.float32),
            "w2": rng.normal(size=(3, 8)).astype(np.float32),
        },
    )
    samples = {"x": rng.normal(size=(11, 6)).astype(np.float32)}
    values = trace_float(graph, samples)
    names = ("x", "hidden", "y")
    histograms = {name: histogram_of(values[name], name) for name in names}
    params = {name: range_params(seen.low, seen.high) for name, seen in histograms.items()}
    params["hidden"] = range_params(0.0, histograms["hidden"].high / 6)
    methods = dict.fromkeys(names, "mse")
    return Evidence(graph, lower(graph, params), Recipe(), samples, histograms, methods, 15.0)


def test_the_layer_whose_range_is_too_narrow_is_named_first_with_its_remedy(
    evidence: Evidence,
) -> None:
    found = explain(evidence)

    assert [layer.name for layer in found.causes] == ["x", "hidden", "y"]
    assert found.remedies[0].layer == "hidden"
    assert found.remedies[0].cause == "clipping"
    assert "min_max" in found.remedies[0].remedy
    assert found.activations[1].clipped_share > 0.05


def test_costs_and_proofs_are_of_every_weighted_layer(evidence: Evidence) -> None:
    found = explain(evidence)

    assert [(cost.macs, cost.constant_bytes) for cost in found.costs] == [
        (48, 48 + 4 * 8),
        (24, 24 + 4 * 3),
    ]
    assert [proof.name for proof in found.proofs] == ["hidden", "y"]


def test_the_same_evidence_gives_the_same_explanation(evidence: Evidence) -> None:
    assert explain(evidence) == explain(replace(evidence))
