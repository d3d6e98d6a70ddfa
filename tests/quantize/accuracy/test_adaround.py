"""Rounding up or down as learned: never far from the weight, and better than the nearest."""

import numpy as np

from quantize.accuracy.adaround import round_adaptively

RNG = np.random.default_rng(5)
MIXING = RNG.normal(size=(24, 24))
MATRIX = MIXING @ MIXING.T / 24
EXACT = RNG.normal(size=(8, 24)) * 30


def error(codes: np.ndarray) -> float:
    return float(np.einsum("ok,kl,ol->", EXACT - codes, MATRIX, EXACT - codes))


def test_the_output_error_is_less_than_that_of_the_nearest_codes() -> None:
    assert error(round_adaptively(EXACT, MATRIX)) < 0.7 * error(np.rint(EXACT))


def test_every_weight_is_rounded_up_or_down_and_no_further() -> None:
    assert np.abs(round_adaptively(EXACT, MATRIX) - EXACT).max() < 1.0


def test_inputs_that_have_nothing_in_common_leave_the_nearest_codes() -> None:
    assert np.array_equal(round_adaptively(EXACT, np.eye(24)), np.rint(EXACT))


def test_codes_that_shall_be_zero_are() -> None:
    zeros = np.zeros(EXACT.shape, np.bool_)
    zeros[:, ::3] = True

    assert not round_adaptively(EXACT, MATRIX, zeros)[zeros].any()
