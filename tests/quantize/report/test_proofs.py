from dataclasses import replace

import numpy as np
import pytest

from quantize.ir.graph import IntGraph
from quantize.ir.interpreter import trace
from quantize.ir.ops import Conv2D, DepthwiseConv2D, FullyConnected
from quantize.report.proofs import accumulator_range, prove
from quantize.weights import worst_accumulators
from tests.models import tiny_classifier


@pytest.fixture
def graph() -> IntGraph:
    return tiny_classifier()


def test_the_worst_accumulator_is_what_lowering_proved(graph: IntGraph) -> None:
    proofs = {proof.name: proof for proof in prove(graph)}

    weighted = [
        op for op in graph.operations if isinstance(op, Conv2D | DepthwiseConv2D | FullyConnected)
    ]
    assert list(proofs) == [operation.output for operation in weighted]
    for operation in weighted:
        worst = int(worst_accumulators(operation, graph).max())
        assert proofs[operation.output].worst_accumulator == worst
        assert proofs[operation.output].int32_share == pytest.approx(worst / (2**31 - 1))
        assert 2**30 <= proofs[operation.output].multiplier_low <= 2**31 - 1


def test_the_range_is_reached_by_the_input_that_was_made_for_it(graph: IntGraph) -> None:
    operation = next(op for op in graph.operations if isinstance(op, FullyConnected))
    weight = graph.constants[operation.weight].astype(np.int64)
    bias = graph.constants[operation.bias].astype(np.int64)
    quant = graph.tensors[operation.input].quant
    assert quant is not None

    low, high = accumulator_range(operation, graph)

    for channel, row in enumerate(weight):
        for end, codes in (
            (low, np.where(row > 0, -128, 127)),
            (high, np.where(row > 0, 127, -128)),
        ):
            assert row @ (codes - quant.zero_point) + bias[channel] == end[channel]


def test_a_channel_without_weights_is_dead_and_never_moves(
    graph: IntGraph, rng: np.random.Generator
) -> None:
    operation = next(op for op in graph.operations if isinstance(op, Conv2D))
    weight = graph.constants[operation.weight].copy()
    weight[1] = 0
    dead = replace(graph, constants={**graph.constants, operation.weight: weight})

    (proof,) = [proof for proof in prove(dead) if proof.name == operation.output]

    name = dead.inputs[0]
    codes = rng.integers(-128, 128, (40, *dead.tensors[name].shape[1:])).astype(np.int8)
    found = trace(dead, {name: codes})[operation.output]
    still = np.flatnonzero(np.ptp(found.reshape(-1, found.shape[-1]), axis=0) == 0)
    assert 1 in proof.dead_channels
    assert set(proof.dead_channels) <= set(still.tolist())
