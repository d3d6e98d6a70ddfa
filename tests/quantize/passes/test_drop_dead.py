from dataclasses import replace

import numpy as np

from quantize.ir.ops import Activate, Activation, Add
from quantize.ir.spec import check_float
from quantize.passes.drop_dead import drop_dead
from tests.float_graphs import assert_keeps_result
from tests.models import float_graph


def test_what_no_output_needs_goes_with_its_constants() -> None:
    operations = (
        Activate("x", "kept", Activation.RELU),
        Add("x", "c", "unused"),
        Activate("unused", "unused too", Activation.RELU),
    )
    both = float_graph(operations, {"x": (1, 3)}, {"c": np.ones((1, 3), np.float32)})
    graph = check_float(replace(both, outputs=("kept",)))

    result = drop_dead(graph)

    assert [operation.output for operation in result.operations] == ["kept"]
    assert set(result.tensors) == {"x", "kept"}
    assert not result.constants
    assert_keeps_result(drop_dead, graph)


def test_an_input_that_nothing_reads_stays() -> None:
    graph = float_graph((Activate("x", "y", Activation.RELU),), {"x": (1, 3), "z": (1, 2)}, {})

    assert drop_dead(graph).inputs == ("x", "z")
