import numpy as np
import pytest

from quantize.accuracy.output_error import Judge
from quantize.ir.float_executor import trace_float
from quantize.params import range_params
from tests.models import tiny_float_classifier
from tests.quantize.test_search import runner_of, samples_of

pytestmark = pytest.mark.ort
GRAPH = tiny_float_classifier()


def judge() -> Judge:
    return Judge(GRAPH, samples_of(GRAPH), runner_of(GRAPH))


def test_the_error_of_a_hidden_tensor_is_that_of_the_network_with_it_rounded() -> None:
    quant = range_params(-2.0, 2.0)
    batches = samples_of(GRAPH)
    exact = np.concatenate([trace_float(GRAPH, batch)["logits"] for batch in batches])
    scale, zero_point = quant.scale[0], quant.zero_point
    codes = np.clip(np.rint(exact / scale) + zero_point, -128, 127)
    found = (codes - zero_point) * scale

    errors = judge().errors_of(["logits"])(quant)

    plain = float(((found - exact) ** 2).sum() / (exact.astype(float) ** 2).sum())
    assert errors is not None
    assert len(errors) == len(batches)
    assert plain < sum(errors) < 20 * plain  # seen as they are and through soft scores


def test_finer_steps_make_less_error() -> None:
    measure = judge().errors_of(["conv"])

    coarse, fine = measure(range_params(0.0, 400.0)), measure(range_params(0.0, 20.0))

    assert coarse is not None
    assert fine is not None
    assert sum(coarse) > 10 * sum(fine)


def test_what_has_no_hope_ends_early() -> None:
    measure = judge().errors_of(["conv"])
    good = measure(range_params(0.0, 20.0))
    assert good is not None

    assert measure(range_params(0.0, 400.0), good) is None
