"""When a run of predictions means that something began or ended."""

from dataclasses import dataclass
from typing import assert_never

from edge_runtime.records import Anomaly, Classification, Decoded, FrameRef, Regression

ANOMALY = "anomaly"


@dataclass(frozen=True, slots=True)
class Change:
    """Something began (`since` is None) or ended.

    Attributes:
        what: The class, or "anomaly".
        since: The frame with which it had begun.
    """

    what: str
    since: FrameRef | None


def condition_of(decoded: Decoded, threshold: float) -> str | None:
    """Return what is the case: the best class at or above the threshold, "anomaly", or nothing."""
    match decoded:
        case Classification(classes):
            is_sure = bool(classes) and classes[0].score >= threshold
            return classes[0].label if is_sure else None
        case Anomaly():
            return ANOMALY if decoded.is_anomalous else None
        case Regression():
            return None
        case _:
            assert_never(decoded)


class ChangeDetector:
    """Believes a new condition after `settle` predictions in a row have said the same."""

    def __init__(self, settle: int) -> None:
        self._settle = settle
        self._current: str | None = None
        self._since: FrameRef | None = None
        self._candidate: str | None = None
        self._first_seen: FrameRef | None = None
        self._agreeing = 0

    @property
    def current(self) -> str | None:
        """What is the case now, None for nothing."""
        return self._current

    def update(self, condition: str | None, ref: FrameRef) -> list[Change]:
        """Return what this prediction ends and begins, in this order."""
        if condition == self._current:
            self._agreeing = 0
            return []
        if self._agreeing == 0 or condition != self._candidate:
            self._candidate, self._first_seen, self._agreeing = condition, ref, 0
        self._agreeing += 1
        return self._switch() if self._agreeing >= self._settle else []

    def _switch(self) -> list[Change]:
        changes = []
        if self._current is not None:
            changes.append(Change(self._current, self._since))
        if self._candidate is not None:
            changes.append(Change(self._candidate, None))
        self._current, self._since = self._candidate, self._first_seen
        self._agreeing = 0
        return changes
