from quantize.report.costs import (
    constant_bytes,
    largest_activation_bytes,
    operation_costs,
    operation_counts,
    total_macs,
)
from tests.models import tiny_classifier


def test_macs_are_outputs_times_taps() -> None:
    costs = {cost.name: cost for cost in operation_costs(tiny_classifier())}

    assert costs["conv"].macs == 4 * 4 * 4 * 3 * 3 * 3
    assert costs["depthwise"].macs == 4 * 4 * 4 * 3 * 3
    assert costs["logits"].macs == 5 * 4
    assert costs["scores"].macs == 0
    assert costs["conv"].parameters == 4 * 3 * 3 * 3 + 4
    assert total_macs(tiny_classifier()) == sum(cost.macs for cost in costs.values())


def test_operations_are_counted_by_kind() -> None:
    assert operation_counts(tiny_classifier()) == {
        "Add": 1,
        "Conv2D": 1,
        "DepthwiseConv2D": 1,
        "FullyConnected": 1,
        "Mean": 1,
        "Softmax": 1,
    }


def test_bytes_are_those_of_int8_and_int32() -> None:
    graph = tiny_classifier()

    assert constant_bytes(graph) == 4 * 27 + 4 * 4 + 36 + 4 * 4 + 20 + 4 * 5
    assert largest_activation_bytes(graph) == 8 * 8 * 3 + 4 * 4 * 4
