"""What is expected of tensors that were shown nothing, beside what samples show of them."""

import numpy as np
import pytest
from hypothesis import given

from quantize.calibrate.expected import (
    REACH_TOLD,
    behind_clamps,
    expected_calibration,
    expected_means,
    expected_quantiles,
)
from quantize.ir.float_executor import trace_float
from quantize.ir.graph import FloatGraph
from quantize.ir.moving_ops import Gather, Slice
from quantize.ir.ops import (
    Activate,
    Activation,
    Add,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    LeakyRelu,
    Maximum,
    Mean,
    Minimum,
    Mul,
    Prelu,
    Reshape,
    Sub,
)
from quantize.ir.statistics import ChannelStatistics
from tests.float_graphs import float_graphs
from tests.models import float_graph

RNG = np.random.default_rng(12)
SAMPLES = {"x": RNG.uniform(-1, 2, (400, 4, 4, 3)).astype(np.float32)}
ALONE = {"wide": (6, 1, 1, 3), "deep": (1, 1, 1, 6), "row": (6,), "slope": (6,)}


def net() -> FloatGraph:
    constants = {name: RNG.normal(size=shape).astype(np.float32) for name, shape in ALONE.items()}
    operations = [
        Conv2D("x", "wide", "row", "a", activation=Activation.RELU),
        DepthwiseConv2D("a", "deep", None, "d", activation=Activation.RELU6),
        Add("a", "d", "sum"),
        Sub("sum", "row", "less"),
        Mul("less", "a", "product"),
        Minimum("product", "less", "least"),
        Maximum("product", "less", "most"),
        Prelu("least", "slope", "bent"),
        LeakyRelu("most", "leaky", 0.1),
        Concat(("bent", "leaky"), "joined", 3),
        Concat(("bent", "leaky"), "stacked", 1),
        Slice("joined", "part", (0, 0, 0, 2), (1, 4, 4, 3), (1, 1, 1, 3)),
        Gather("joined", "picked", 3, (11, 0)),
        Mean("joined", "mean", (1, 2)),
        Reshape("stacked", "flat"),
    ]
    return float_graph(operations, {"x": (1, 4, 4, 3)}, constants, declared={"flat": (1, 16, 12)})


def test_every_tensor_has_quantiles_of_its_own_channels() -> None:
    graph = net()

    found = expected_quantiles(graph, {}, (-1.0, 2.0))

    activations = [*graph.inputs, *(op.output for op in graph.operations)]
    assert {n: v.shape[1] for n, v in found.items()} == {
        n: graph.tensors[n].shape[-1] for n in activations
    }
    assert expected_calibration(found).samples == 0


def test_means_and_deviations_are_near_those_that_samples_show() -> None:
    graph = net()
    seen = trace_float(graph, SAMPLES)

    found = expected_quantiles(graph, {}, (-1.0, 2.0))

    for name, mean in expected_means(found).items():
        rows = seen[name].reshape(-1, seen[name].shape[-1])
        if name in {"x", "a", "d", "sum", "less"}:  # behind them channels depend on one another
            scale = rows.std(axis=0).max()
            assert np.abs(mean - rows.mean(axis=0)).max() < 0.25 * scale, name
            assert found[name][1:-1].std(axis=0).max() == pytest.approx(scale, rel=0.5), name


def test_batch_statistics_are_believed_also_behind_a_clamp() -> None:
    weights = {"w": RNG.normal(size=(2, 3)).astype(np.float32)}
    before = float_graph(
        [FullyConnected("x", "w", None, "norm"), Activate("norm", "y", Activation.RELU)],
        {"x": (1, 3)}, weights,
    )  # fmt: skip
    fused = float_graph(
        [FullyConnected("x", "w", None, "y", Activation.RELU)], {"x": (1, 3)}, weights
    )
    told = {"norm": ChannelStatistics(np.array([5.0, -9.0]), np.array([1.0, 1.0]))}

    found = expected_quantiles(fused, behind_clamps(before, told), (0.0, 1.0))

    assert found["y"].max(axis=0).tolist() == [5.0 + REACH_TOLD, 0.0]


@given(float_graphs())
def test_no_graph_is_too_strange(graph: FloatGraph) -> None:
    found = expected_quantiles(graph, {}, (-3.0, 3.0))

    for name, values in found.items():
        assert values.shape[1] == graph.tensors[name].shape[-1], name
        assert np.isfinite(values).all()
