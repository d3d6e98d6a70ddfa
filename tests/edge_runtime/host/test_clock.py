"""Trust in the wall clock."""

from dataclasses import dataclass

from edge_runtime.host.clock import ClockState, ClockWatch, is_synchronised
from edge_runtime.host.time_source import TimeSource


@dataclass
class Clocks:
    monotonic_s: float = 100.0
    wall_s: float = 0.0  # 1970: no battery
    is_right: bool = False

    def watch(self) -> ClockWatch:
        return ClockWatch(
            TimeSource(lambda: self.monotonic_s, lambda: self.wall_s), lambda: self.is_right
        )

    def advance(self, seconds: float, step_s: float = 0.0) -> None:
        self.monotonic_s += seconds
        self.wall_s += seconds + step_s


def test_t1_a_step_is_told_until_the_clock_is_right() -> None:
    clocks = Clocks()
    watch = clocks.watch()

    assert watch.read() is ClockState.UNSYNCED
    clocks.advance(5)
    assert watch.read() is ClockState.UNSYNCED
    clocks.advance(5, step_s=1.7e9)
    assert watch.read() is ClockState.STEPPED
    clocks.advance(5)
    clocks.is_right = True
    assert watch.read() is ClockState.SYNCED
    clocks.advance(5)
    clocks.is_right = False
    assert watch.read() is ClockState.UNSYNCED


def test_an_answer_is_kept_for_a_second() -> None:
    clocks = Clocks()
    watch = clocks.watch()
    watch.read()
    clocks.is_right = True
    clocks.advance(0.5)

    assert watch.read() is ClockState.UNSYNCED
    clocks.advance(0.5)
    assert watch.read() is ClockState.SYNCED


def test_this_machine_can_be_asked() -> None:
    assert is_synchronised() in {True, False}
    assert isinstance(ClockWatch().read(), ClockState)
