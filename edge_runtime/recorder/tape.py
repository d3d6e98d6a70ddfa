"""All that reaches a frame's path from outside, written down so that it can come again.

Between a frame and its messages nothing else varies: clocks, chance, and what audits have shown.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from edge_runtime.errors import ReplayError
from edge_runtime.host.clock import ClockState
from edge_runtime.host.time_source import TimeSource
from edge_runtime.link import Parity
from edge_runtime.worker.publisher import Edges

T = TypeVar("T")


class Readings(msgspec.Struct):
    """What was read while one frame was in hand, each in the order in which it was asked for.

    Attributes:
        stage_s: The clock that times the stages.
        monotonic_s: The clock of ages.
        wall_s: UTC, seconds since the epoch.
        random_bits: In hexadecimal: they are longer than a JSON number may be.
        clock_state: How far the wall clock is to be trusted.
        parity: Of a microcontroller.
    """

    stage_s: list[float] = []
    monotonic_s: list[float] = []
    wall_s: list[float] = []
    random_bits: list[str] = []
    clock_state: list[ClockState] = []
    parity: list[Parity | None] = []


@dataclass(frozen=True, slots=True)
class Outside:
    """Where it is all read from."""

    edges: Edges = field(default_factory=Edges)
    stage_clock: Callable[[], float] = time.perf_counter


class Tape:
    """Notes what is read; used by the inference loop alone."""

    def __init__(self) -> None:
        self._readings = Readings()

    def take(self) -> Readings:
        """Return what was read since this was last called."""
        readings, self._readings = self._readings, Readings()
        return readings

    def listen(self, outside: Outside) -> Outside:
        """Return the same outside, each reading of which is noted."""
        edges = outside.edges
        return Outside(
            Edges(
                time=TimeSource(
                    self._noting("monotonic_s", edges.time.monotonic_s),
                    self._noting("wall_s", edges.time.wall_s),
                ),
                clock_state=self._noting("clock_state", edges.clock_state),
                random_bits=self._noting_bits(edges.random_bits),
                parity=self._noting("parity", edges.parity),
            ),
            self._noting("stage_s", outside.stage_clock),
        )

    def _noting(self, name: str, ask: Callable[[], T]) -> Callable[[], T]:
        def noted() -> T:
            value = ask()
            getattr(self._readings, name).append(value)
            return value

        return noted

    def _noting_bits(self, ask: Callable[[], int]) -> Callable[[], int]:
        def noted() -> int:
            value = ask()
            self._readings.random_bits.append(f"{value:x}")
            return value

        return noted


class Playback:
    """Gives what a tape noted, once more."""

    def __init__(self) -> None:
        self._readings = Readings()

    def load(self, readings: Readings) -> None:
        """Play a frame's readings from now on."""
        self._readings = msgspec.convert(msgspec.to_builtins(readings), Readings)

    def outside(self) -> Outside:
        """Return the outside that was noted.

        Its callables raise ReplayError where more is asked for than was then.
        """
        return Outside(
            Edges(
                time=TimeSource(
                    lambda: self._next("monotonic_s", self._readings.monotonic_s),
                    lambda: self._next("wall_s", self._readings.wall_s),
                ),
                clock_state=lambda: self._next("clock_state", self._readings.clock_state),
                random_bits=lambda: int(self._next("random_bits", self._readings.random_bits), 16),
                parity=lambda: self._next("parity", self._readings.parity),
            ),
            lambda: self._next("stage_s", self._readings.stage_s),
        )

    def _next(self, name: str, values: list[T]) -> T:
        if not values:
            raise ReplayError(f"{name} is read more often than it was when this was recorded")
        return values.pop(0)
