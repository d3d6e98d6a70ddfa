import itertools

import numpy as np
import pytest

from quantize.accuracy.rounding import round_with_compensation


def matrix(rng: np.random.Generator, size: int) -> np.ndarray:
    patches = rng.normal(size=(400, size)) @ rng.normal(size=(size, size)) + rng.normal(size=size)
    return patches.T @ patches / 400


def error(exact: np.ndarray, codes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    lost = exact - codes
    return np.einsum("ok,kl,ol->o", lost, weights, lost)


@pytest.mark.parametrize("seed", range(5))
def test_the_output_error_is_below_that_of_the_nearest_codes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    exact, second = rng.uniform(-120, 120, (16, 24)), matrix(rng, 24)

    codes = round_with_compensation(exact, second)

    assert error(exact, codes, second).mean() < 0.7 * error(exact, np.rint(exact), second).mean()


def test_a_small_problem_is_solved_almost_as_well_as_by_trying_everything() -> None:
    rng = np.random.default_rng(1)
    exact, second = rng.uniform(-5, 5, (30, 4)), matrix(rng, 4)
    near = np.array(list(itertools.product((-2, -1, 0, 1, 2, 3), repeat=4)))

    codes = round_with_compensation(exact, second)

    for row, found in zip(exact, codes, strict=True):
        best = error(row, np.floor(row) + near, second).min()
        assert error(row[None], found[None], second)[0] <= 8 * best + 1e-9


def test_independent_inputs_leave_nothing_to_compensate() -> None:
    exact = np.random.default_rng(1).uniform(-127, 127, (4, 9))

    assert np.array_equal(round_with_compensation(exact, np.diag(np.arange(9.0))), np.rint(exact))


def test_codes_stay_in_range() -> None:
    rng = np.random.default_rng(1)
    codes = round_with_compensation(rng.choice([-127.0, 127.0], (8, 12)), matrix(rng, 12))

    assert np.abs(codes.astype(int)).max() <= 127


def test_inputs_that_never_vary_are_rounded_to_the_nearest() -> None:
    exact = np.array([[1.4, -2.6]])

    assert round_with_compensation(exact, np.zeros((2, 2))).tolist() == [[1, -3]]
