"""The parts of payloads."""

from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.payloads import ULID, ulid
from edge_runtime.records import Anomaly, Classification, ClassScore, Regression
from edge_runtime.results import results_of


def test_a_ulid_is_the_specifications() -> None:
    assert ulid(1469918176.385, 0) == "01ARYZ6S410000000000000000"  # the time part of its example


@given(st.floats(0, 2**47 / 1e3), st.integers(0, 2**80 - 1))
def test_ulids_are_well_formed_and_sort_by_time(wall_s: float, bits: int) -> None:
    text = ulid(wall_s, bits)

    assert ULID.fullmatch(text)
    assert text < ulid(wall_s + 0.002, 0)


def test_each_kind_has_its_results() -> None:
    assert results_of(Classification((ClassScore("a", 1, 1 / 3),)), "")[0] == "classification"
    assert results_of(Regression((("t", 1.0),)), "K")[0] == "regression"
    kind, (result,) = results_of(Anomaly(0.5, 0.4, is_anomalous=True), "")
    assert kind == "anomaly"
    assert (result.score, getattr(result, "flag", None)) == (0.5, True)
