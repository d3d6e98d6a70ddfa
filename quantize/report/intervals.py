"""How far a measured number can be trusted: 95 % confidence intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Z_95 = 1.959963984540054  # the normal distribution's 97.5th percentile
RESAMPLES = 200
SEED = 95

Rows: TypeAlias = npt.NDArray[np.int64]
Statistics: TypeAlias = Callable[[Rows], Sequence[float]]


@dataclass(frozen=True, slots=True)
class Interval:
    """Where the true value lies, with 95 % confidence."""

    low: float
    high: float


def wilson_interval(successes: int, trials: int) -> Interval | None:
    """Return the interval of a share; None without trials.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    JASA 22 (1927).
    """
    if not trials:
        return None
    share, weight = successes / trials, Z_95**2 / trials
    centre = (share + weight / 2) / (1 + weight)
    spread = Z_95 * (share * (1 - share) / trials + weight / (4 * trials)) ** 0.5 / (1 + weight)
    return Interval(max(0.0, centre - spread), min(1.0, centre + spread))


def bootstrap_intervals(statistics: Statistics, samples: int) -> tuple[Interval | None, ...]:
    """Return the percentile interval of each statistic; None where it cannot be computed.

    The samples are drawn anew 200 times, from a fixed seed: the same data gives the same numbers.

    Args:
        statistics: Of the samples with these indices, which may repeat; NaN where there is none.
        samples: How many there are.

    Source: B. Efron, "Bootstrap methods: another look at the jackknife" (1979).
    """
    rng = np.random.default_rng(SEED)
    drawn = np.array([statistics(rng.integers(0, samples, samples)) for _ in range(RESAMPLES)])
    return tuple(_percentiles(column) for column in drawn.T)


def _percentiles(values: npt.NDArray[np.float64]) -> Interval | None:
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return Interval(float(low), float(high))
