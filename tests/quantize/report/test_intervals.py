import numpy as np
import pytest

from quantize.report.intervals import bootstrap_intervals, wilson_interval


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [  # R: prop.test(x, n, correct = FALSE)$conf.int
        (81, 263, 0.2553, 0.3662),  # Newcombe, Statistics in Medicine 17 (1998), table I
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_s_interval_is_that_of_the_literature(
    successes: int, trials: int, low: float, high: float
) -> None:
    interval = wilson_interval(successes, trials)

    assert interval is not None
    assert interval.low == pytest.approx(low, abs=5e-5)
    assert interval.high == pytest.approx(high, abs=5e-5)


def test_all_right_is_not_certainty() -> None:
    interval = wilson_interval(10, 10)

    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((0.7225, 1.0), abs=5e-5)


def test_nothing_measured_has_no_interval() -> None:
    assert wilson_interval(0, 0) is None


def test_the_bootstrap_of_a_mean_is_near_the_normal_interval(rng: np.random.Generator) -> None:
    values = rng.normal(3.0, 2.0, 400)

    (interval,) = bootstrap_intervals(lambda rows: [float(values[rows].mean())], len(values))

    error = 1.96 * values.std() / 20
    assert interval is not None
    assert interval.low == pytest.approx(values.mean() - error, abs=0.06)
    assert interval.high == pytest.approx(values.mean() + error, abs=0.06)


def test_the_bootstrap_gives_the_same_numbers_twice() -> None:
    values = np.arange(30.0)
    twice = [bootstrap_intervals(lambda rows: [values[rows].mean()], 30) for _ in range(2)]

    assert twice[0] == twice[1]


def test_a_statistic_that_cannot_be_computed_has_no_interval() -> None:
    assert bootstrap_intervals(lambda _: [float("nan")], 5) == (None,)
