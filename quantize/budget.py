"""Budget: how much worse the integers may be, and the search for the cheapest that are not."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from quantize.candidates import Candidate, Tier
from quantize.report.evaluation import Evaluation

_LEAST_LIMIT = 1e-9  # less is nothing; an excess over a limit of 0 is counted in it


@dataclass(frozen=True, slots=True)
class Budget:
    """What is allowed.

    Attributes:
        max_drop: Of the metric: points of a share, percent of an error; None: any.
        max_flips: Share of samples whose prediction may change; None: any.
        time_limit_s: No further candidate is begun after so many seconds; None: all are tried.
    """

    max_drop: float | None = None
    max_flips: float | None = None
    time_limit_s: float | None = None

    @property
    def is_limited(self) -> bool:
        """Tell whether anything is asked of the accuracy."""
        return self.max_drop is not None or self.max_flips is not None


def drop_of(evaluation: Evaluation) -> float | None:
    """Return how much worse the headline metric is; None without labels."""
    return evaluation.metrics[0].drop if evaluation.metrics else None


def flips_of(evaluation: Evaluation) -> float | None:
    """Return the share of changed predictions; None where nothing is predicted."""
    changed = evaluation.changed_predictions
    return None if changed is None else changed / evaluation.samples


def excess(budget: Budget, evaluation: Evaluation) -> float:
    """Return by how much the budget is exceeded, in parts of the limit; 0 for within."""
    pairs = [(drop_of(evaluation), budget.max_drop), (flips_of(evaluation), budget.max_flips)]
    return max(
        (
            (value - limit) / max(limit, _LEAST_LIMIT)
            for value, limit in pairs
            if value is not None and limit is not None and _is_over(value, limit)
        ),
        default=0.0,
    )


def shortfall(budget: Budget, evaluation: Evaluation) -> str | None:
    """Return what is not within the budget, in one line; None: all is."""
    drop, flips = drop_of(evaluation), flips_of(evaluation)
    parts = []
    if budget.max_drop is not None and drop is not None and _is_over(drop, budget.max_drop):
        name = evaluation.metrics[0].name
        parts.append(f"{name} is worse by {drop:.3f}, allowed is {budget.max_drop:g}")
    if budget.max_flips is not None and flips is not None and _is_over(flips, budget.max_flips):
        allowed = f"{100 * budget.max_flips:g} %"
        parts.append(f"{100 * flips:.2f} % of the predictions changed, allowed is {allowed}")
    return " and ".join(parts) or None


def _is_over(value: float, limit: float) -> bool:
    return value > limit + _LEAST_LIMIT  # a difference of shares has float64's own noise


class Measured(Protocol):
    """What a candidate came to."""

    @property
    def evaluation(self) -> Evaluation:
        """Beside the float model."""


_Made = TypeVar("_Made", bound=Measured)


@dataclass(frozen=True, slots=True)
class Attempt(Generic[_Made]):
    """A candidate and what it came to."""

    candidate: Candidate
    made: _Made


@dataclass(frozen=True, slots=True)
class Found(Generic[_Made]):
    """The best attempt, and why it is not within the budget, in one line; None: it is."""

    best: Attempt[_Made]
    reason: str | None


def search(
    budget: Budget,
    tiers: Iterable[Tier],
    attempt: Callable[[Candidate], _Made],
    told: Callable[[Attempt[_Made], Attempt[_Made]], None],
    clock: Callable[[], float],
) -> Found[_Made]:
    """Return the best of the first tier that is within the budget, or the nearest of all.

    There is always one: the first candidate is tried whatever the time limit. Of equals the
    cheaper tier wins, in a tier the better signal-to-noise ratio of the logits.

    Args:
        budget: What is allowed.
        tiers: The cheapest first; taken one by one.
        attempt: Makes and measures a candidate.
        told: Is told of each attempt, and of the best so far.
        clock: Seconds, monotonic.
    """
    begun, best, count = clock(), None, 0
    for tier in tiers:
        for candidate in tier:
            is_late = budget.time_limit_s is not None and clock() - begun >= budget.time_limit_s
            if best is not None and is_late:
                return Found(best, _reason(budget, best, count, is_late=True))
            tried = Attempt(candidate, attempt(candidate))
            count += 1
            if best is None or _is_better(budget, tried, best, in_one_tier=best.candidate in tier):
                best = tried
            told(tried, best)
        if best is not None and not excess(budget, best.made.evaluation):
            break
    assert best is not None  # there is a first candidate
    return Found(best, _reason(budget, best, count, is_late=False))


def _is_better(
    budget: Budget, tried: Attempt[_Made], best: Attempt[_Made], *, in_one_tier: bool
) -> bool:
    new, old = (excess(budget, each.made.evaluation) for each in (tried, best))
    if new != old or not in_one_tier:
        return new < old
    return _sqnr(tried.made.evaluation) > _sqnr(best.made.evaluation)


def _sqnr(evaluation: Evaluation) -> float:
    return float("inf") if evaluation.logits_sqnr_db is None else evaluation.logits_sqnr_db


def _reason(budget: Budget, best: Attempt[_Made], count: int, *, is_late: bool) -> str | None:
    missing = shortfall(budget, best.made.evaluation)
    if missing is None:
        return None
    ended = f"the time limit of {budget.time_limit_s:g} s ended the search" if is_late else ""
    tried = f"the best of {count} tried is {best.candidate.name!r}"
    return "; ".join(filter(None, (missing, ended, tried)))
