"""When a run of predictions means that something began, still lasts, or ended."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from edge_runtime.conditions import Condition, Conditions, Zones
from edge_runtime.records import FrameRef


class Turn(StrEnum):
    """What became of a condition."""

    START = "start"
    UPDATE = "update"
    END = "end"


@dataclass(frozen=True, slots=True)
class Change:
    """Something began, still lasts, or ended.

    Attributes:
        what: Of what.
        turn: Which of the three.
        since: The frame with which it had begun.
        zones: That it is in, or was in last.
    """

    what: Condition
    turn: Turn
    since: FrameRef
    zones: Zones = ()


@dataclass(slots=True)
class Run:
    """A condition that is believed, or about to be.

    Attributes:
        since: The frame with which it began.
        zones: That it is in, or was in last.
        hits: Predictions in a row that say it.
        misses: Predictions in a row that do not.
        is_believed: It has begun.
        told_s: When it was told last (capture, monotonic).
    """

    since: FrameRef
    zones: Zones
    hits: int = 0
    misses: int = 0
    is_believed: bool = False
    told_s: float = 0.0


Runs: TypeAlias = tuple[tuple[Condition, Run], ...]


class ChangeDetector:
    """Believes a condition after `settle` predictions in a row, until `release` in a row lack it.

    A condition that lasts is told again every `update_s` (0: never), and, where it is an object
    that is followed, when its zones change.
    """

    def __init__(self, settle: int, release: int, update_s: float = 0.0) -> None:
        self._settle = settle
        self._release = release
        self._update_s = update_s
        self._runs: dict[Condition, Run] = {}

    def state(self) -> Runs:
        """Return what it remembers, as a copy."""
        return tuple((what, replace(run)) for what, run in self._runs.items())

    def restore(self, state: Runs) -> None:
        """Remember what another one did."""
        self._runs = {what: replace(run) for what, run in state}

    @property
    def current(self) -> tuple[Condition, ...]:
        """What is the case now, in the order in which it began."""
        return tuple(what for what, run in self._runs.items() if run.is_believed)

    def update(self, conditions: Conditions, ref: FrameRef) -> list[Change]:
        """Return what this prediction ends, begins and continues, in this order."""
        ended = [change for what in [*self._runs] if (change := self._miss(what, conditions))]
        begun, lasting = [], []
        for what, zones in conditions.items():
            run = self._runs.setdefault(what, Run(ref, zones))
            run.hits, run.misses = run.hits + 1, 0
            if not run.is_believed and run.hits >= self._settle:
                run.is_believed, run.told_s, run.zones = True, ref.captured_monotonic_s, zones
                begun.append(Change(what, Turn.START, run.since, zones))
            elif run.is_believed and self._is_due(what, run, zones, ref):
                run.told_s, run.zones = ref.captured_monotonic_s, zones
                lasting.append(Change(what, Turn.UPDATE, run.since, zones))
        return [*ended, *begun, *lasting]

    def _miss(self, what: Condition, conditions: Conditions) -> Change | None:
        """Count a prediction that lacks a condition; return its end where that is one too many."""
        if what in conditions:
            return None
        run = self._runs[what]
        run.hits, run.misses = 0, run.misses + 1
        if run.is_believed and run.misses < self._release:
            return None
        del self._runs[what]
        return Change(what, Turn.END, run.since, run.zones) if run.is_believed else None

    def _is_due(self, what: Condition, run: Run, zones: Zones, ref: FrameRef) -> bool:
        if what.track is not None and zones != run.zones:
            return True
        return 0 < self._update_s <= ref.captured_monotonic_s - run.told_s
