from firmware_export.lifetimes import Lifetime, tensor_lifetimes
from tests.firmware_export.int_graphs import residual_graph, two_headed_graph


def test_an_input_lives_from_before_the_first_operation() -> None:
    assert tensor_lifetimes(residual_graph())["x"] == Lifetime(-1, 0)


def test_a_skip_connection_lives_until_the_addition() -> None:
    assert tensor_lifetimes(residual_graph())["c1"] == Lifetime(0, 3)


def test_an_output_lives_until_after_the_last_operation() -> None:
    lifetimes = tensor_lifetimes(two_headed_graph())

    assert lifetimes["sum"] == Lifetime(0, 2)
    assert lifetimes["clamp"] == Lifetime(1, 2)


def test_constants_have_no_lifetime() -> None:
    assert "c1_w" not in tensor_lifetimes(residual_graph())


def test_touching_lifetimes_overlap() -> None:
    assert Lifetime(0, 2).overlaps(Lifetime(2, 3))
    assert not Lifetime(0, 1).overlaps(Lifetime(2, 3))


def test_a_joined_lifetime_spans_both() -> None:
    assert Lifetime(4, 5).joined(Lifetime(1, 2)) == Lifetime(1, 5)
