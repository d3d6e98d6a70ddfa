"""The state of a source, told once each way."""

from dataclasses import dataclass, field

import pytest

from edge_runtime.link import SourceChange, SourceState
from edge_runtime.worker.source_monitor import SourceMonitor, stall_limit_s


@dataclass
class Rig:
    now_s: float = 0.0
    told: list[SourceChange] = field(default_factory=list)

    def monitor(self) -> SourceMonitor:
        return SourceMonitor(self.told.append, lambda: self.now_s, stall_s=5.0)

    @property
    def states(self) -> list[SourceState]:
        return [change.state for change in self.told]


def test_each_change_is_told_once() -> None:
    rig = Rig()
    monitor = rig.monitor()

    for _ in range(3):
        monitor.lost("no such device")
    for _ in range(3):
        monitor.reading()
        monitor.delivered()
    monitor.finished()

    assert rig.states == [SourceState.OFFLINE, SourceState.ONLINE, SourceState.FINISHED]
    assert rig.told[0].why == "no such device"
    assert monitor.reconnects == 3


def test_a_read_that_hangs_is_a_stall_until_it_delivers() -> None:
    rig = Rig()
    monitor = rig.monitor()
    monitor.reading()
    monitor.delivered()
    monitor.reading()

    rig.now_s = 5.0
    monitor.look()
    assert monitor.state is SourceState.ONLINE
    rig.now_s = 5.1
    monitor.look()
    monitor.look()
    assert monitor.state is SourceState.STALLED
    monitor.delivered()

    assert rig.states == [SourceState.ONLINE, SourceState.STALLED, SourceState.ONLINE]
    assert monitor.stalls == 1


def test_opening_may_take_longer_than_reading() -> None:
    rig = Rig()
    monitor = rig.monitor()
    monitor.opening()

    rig.now_s = 29.0
    monitor.look()
    assert monitor.stalls == 0
    rig.now_s = 31.0
    monitor.look()
    assert monitor.stalls == 1


def test_a_source_that_waits_in_good_order_does_not_stall() -> None:
    rig = Rig()
    monitor = rig.monitor()
    monitor.reading()
    monitor.delivered()

    rig.now_s = 1000.0
    monitor.look()

    assert monitor.state is SourceState.ONLINE


def test_pausing_covers_the_state_and_resuming_shows_it_again() -> None:
    rig = Rig()
    monitor = rig.monitor()
    monitor.delivered()

    monitor.pause(True)
    monitor.lost("unplugged")
    monitor.pause(False)

    assert rig.states == [SourceState.ONLINE, SourceState.DISABLED, SourceState.OFFLINE]
    assert rig.told[-1].why == "unplugged"


@pytest.mark.parametrize(
    ("configured_s", "rate_hz", "limit_s"),
    [(0.3, 10.0, 0.3), (None, 10.0, 5.0), (None, 0.1, 100.0), (None, None, 5.0)],
)
def test_the_limit_follows_the_expected_rate(
    configured_s: float | None, rate_hz: float | None, limit_s: float
) -> None:
    assert stall_limit_s(configured_s, rate_hz) == limit_s


def test_s3_a_source_is_garbled_while_most_readings_are_refused() -> None:
    rig = Rig()
    monitor = rig.monitor()
    monitor.delivered()
    for _ in range(10):
        monitor.refused("no number")
    assert monitor.state is SourceState.ONLINE

    monitor.refused("no number")
    monitor.refused("no number")
    assert monitor.state is SourceState.GARBLED
    assert rig.told[-1].why == "11 of the last 12 readings cannot be used: no number"
    for _ in range(14):
        monitor.delivered()
    assert monitor.state is SourceState.GARBLED
    monitor.delivered()

    assert rig.states == [SourceState.ONLINE, SourceState.GARBLED, SourceState.ONLINE]


def test_a_few_refusals_are_no_state() -> None:
    rig = Rig()
    monitor = rig.monitor()

    for _ in range(30):
        monitor.delivered()
        monitor.refused("x")
        monitor.delivered()

    assert rig.states == [SourceState.ONLINE]


def test_a_reopened_source_is_judged_anew() -> None:
    rig = Rig()
    monitor = rig.monitor()
    for _ in range(11):
        monitor.refused("x")
    monitor.lost("gone")

    monitor.delivered()

    assert rig.states == [SourceState.GARBLED, SourceState.OFFLINE, SourceState.ONLINE]


def test_quiet_reads_add_up_to_a_silence() -> None:
    rig = Rig()
    monitor = rig.monitor()
    monitor.opening()
    monitor.opened()
    monitor.reading()
    rig.now_s = 4.0
    monitor.reading()
    assert monitor.overdue_s() is None

    rig.now_s = 5.1
    assert monitor.overdue_s() == 5.0
    monitor.lost("silent", SourceState.STALLED)
    monitor.lost("silent", SourceState.STALLED)

    assert monitor.overdue_s() is None
    assert rig.states == [SourceState.STALLED]
    assert (monitor.stalls, monitor.reconnects) == (1, 2)


def test_a_stall_seen_from_both_sides_is_one() -> None:
    rig = Rig()
    monitor = rig.monitor()
    monitor.reading()
    rig.now_s = 6.0
    monitor.look()

    monitor.lost("silent", SourceState.STALLED)

    assert monitor.stalls == 1
