"""The search loop: the cheapest tier within the budget, always a model, one line of reason."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from quantize.budget import Attempt, Budget, Found, excess, search, shortfall
from quantize.candidates import Candidate, Tier
from quantize.recipe import Recipe
from quantize.report.evaluation import Evaluation, Metric
from quantize.report.task import Task


@dataclass(frozen=True)
class _Made:
    evaluation: Evaluation


def _evaluation(drop: float, flips: float | None = 0.0, sqnr_db: float = 30.0) -> Evaluation:
    metric = Metric("accuracy", 1.0, 1.0 - drop / 100)
    changed = None if flips is None else round(1000 * flips)
    return Evaluation(Task.CLASSIFICATION, 1000, (metric,), (), {}, None, changed, 1.0, sqnr_db)


def _run(
    budget: Budget, tiers: list[dict[str, Evaluation]], seconds: Iterator[float] | None = None
) -> tuple[Found[_Made], list[str]]:
    known = {name: found for tier in tiers for name, found in tier.items()}
    tried: list[str] = []

    def attempt(candidate: Candidate) -> _Made:
        tried.append(candidate.name)
        return _Made(known[candidate.name])

    def told(last: Attempt[_Made], best: Attempt[_Made]) -> None:
        assert last.candidate.name == tried[-1]
        assert best.candidate.name in tried

    clock = (lambda: 0.0) if seconds is None else lambda: next(seconds)
    listed: list[Tier] = [tuple(Candidate(name, Recipe()) for name in tier) for tier in tiers]
    return search(budget, listed, attempt, told, clock), tried


def test_the_search_ends_with_the_first_tier_that_is_good_enough() -> None:
    tiers = [{"a": _evaluation(2.0)}, {"b": _evaluation(0.4)}, {"c": _evaluation(0.0)}]

    found, tried = _run(Budget(max_drop=0.5), tiers)

    assert found.best.candidate.name == "b"
    assert found.reason is None
    assert tried == ["a", "b"]


def test_a_tier_is_tried_to_its_end_and_its_best_is_taken() -> None:
    tiers = [{"a": _evaluation(0.4, 0.0, 20.0), "b": _evaluation(0.1, 0.0, 40.0)}]

    found, tried = _run(Budget(max_drop=0.5), tiers)

    assert found.best.candidate.name == "b"
    assert tried == ["a", "b"]


def test_a_budget_that_cannot_be_met_ends_with_the_nearest_and_the_cheapest_of_equals() -> None:
    tiers = [{"a": _evaluation(2.0)}, {"b": _evaluation(1.0)}, {"c": _evaluation(1.0, 0.0, 50.0)}]

    found, tried = _run(Budget(max_drop=0.5), tiers)

    assert tried == ["a", "b", "c"]
    assert found.best.candidate.name == "b"
    assert found.reason == (
        "accuracy is worse by 1.000, allowed is 0.5; the best of 3 tried is 'b'"
    )


def test_the_time_limit_begins_no_further_candidate_but_there_is_a_model() -> None:
    tiers = [{"a": _evaluation(2.0), "b": _evaluation(0.0)}]

    found, tried = _run(Budget(max_drop=0.5, time_limit_s=10.0), tiers, iter([0.0, 0.0, 10.0]))

    assert tried == ["a"]
    assert found.best.candidate.name == "a"
    assert found.reason is not None
    assert "; the time limit of 10 s ended the search; the best of 1" in found.reason


def test_a_model_within_the_budget_has_no_reason_even_when_time_ran_out() -> None:
    tiers = [{"a": _evaluation(0.0), "b": _evaluation(0.0)}]

    found, _ = _run(Budget(max_drop=0.5, time_limit_s=0.0), tiers, iter([0.0, 1.0, 2.0]))

    assert found.reason is None


def test_changed_predictions_count_as_much_as_the_drop() -> None:
    budget = Budget(max_drop=1.0, max_flips=0.01)

    assert excess(budget, _evaluation(0.5, 0.01)) == 0.0
    assert excess(budget, _evaluation(0.5, 0.03)) == pytest.approx(2.0)
    assert excess(budget, _evaluation(4.0, 0.02)) == pytest.approx(3.0)
    assert shortfall(budget, _evaluation(4.0, 0.02)) == (
        "accuracy is worse by 4.000, allowed is 1 and"
        " 2.00 % of the predictions changed, allowed is 1 %"
    )


def test_a_limit_of_nothing_at_all_is_a_limit() -> None:
    assert excess(Budget(max_drop=0.0), _evaluation(0.0)) == 0.0
    assert excess(Budget(max_drop=0.0), _evaluation(0.1)) > 1e6


def test_a_difference_of_shares_is_not_over_the_limit_by_its_rounding() -> None:
    metric = Metric("accuracy", 0.87, 0.865)
    evaluation = replace(_evaluation(0.0), metrics=(metric,))

    assert metric.drop > 0.5
    assert excess(Budget(max_drop=0.5), evaluation) == 0.0


def test_what_is_not_measured_exceeds_nothing() -> None:
    assert excess(Budget(max_flips=0.0), _evaluation(0.0, None)) == 0.0
    assert shortfall(Budget(max_flips=0.0), _evaluation(0.0, None)) is None
