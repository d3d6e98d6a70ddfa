import numpy as np
import pytest

from quantize.report.layers import Values, compare_layers
from tests.models import tiny_classifier


def _constant(**values: float) -> object:
    return lambda batch: {
        name: np.full((len(batch["image"]), 3), value) for name, value in values.items()
    }


BATCHES = [{"image": np.zeros((2, 1))}, {"image": np.zeros((5, 1))}]


def test_every_shared_tensor_is_measured_in_the_graphs_order() -> None:
    errors = compare_layers(
        BATCHES,
        _constant(mean=2.0, conv=1.0, other=5.0),
        _constant(mean=2.0, conv=1.1, scores=7.0),
        tiny_classifier(),
    )

    assert [(error.name, error.operation) for error in errors] == [
        ("conv", "Conv2D"),
        ("mean", "Mean"),
    ]
    assert errors[0].sqnr_db == pytest.approx(20.0)
    assert errors[0].max_abs == pytest.approx(0.1)
    assert errors[1].sqnr_db is None


def test_batches_add_up() -> None:
    rng = np.random.default_rng(0)
    wanted, found = rng.normal(size=(7, 3)), rng.normal(size=(7, 3))

    def rows_of(values: np.ndarray) -> object:
        rest = [values[:2], values[2:]]

        def tracer(_: Values) -> Values:
            return {"conv": rest.pop(0)}

        return tracer

    (error,) = compare_layers(BATCHES, rows_of(wanted), rows_of(found), tiny_classifier())

    expected = 10 * np.log10(np.sum(wanted**2) / np.sum((wanted - found) ** 2))
    assert error.sqnr_db == pytest.approx(expected)
    assert (error.low, error.high) == (wanted.min(), wanted.max())
