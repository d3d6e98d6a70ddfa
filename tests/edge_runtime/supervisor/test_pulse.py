"""A probe learns whether the daemon lives, and why it thinks not."""

from pathlib import Path

import pytest

from edge_runtime.supervisor.pulse import BEAT_S, LATE_S, NoPulseError, Pulse, read_pulse


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_beat_is_read_back_and_not_written_at_every_turn(tmp_path: Path) -> None:
    clock = Clock()
    pulse = Pulse(tmp_path, clock)
    pulse.beat("online")
    pulse.beat("degraded")

    assert read_pulse(tmp_path, clock).status == "online"
    clock.now += BEAT_S
    pulse.beat("degraded")
    assert read_pulse(tmp_path, clock).status == "degraded"


def test_a_daemon_that_stands_still_has_no_pulse(tmp_path: Path) -> None:
    clock = Clock()
    Pulse(tmp_path, clock).beat("online")
    clock.now += LATE_S + 1

    with pytest.raises(NoPulseError, match="21 s old, allowed are 20"):
        read_pulse(tmp_path, clock)


def test_where_nobody_writes_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoPulseError, match="no daemon writes it"):
        read_pulse(tmp_path)
    with pytest.raises(NoPulseError, match="RUNTIME_DIRECTORY"):
        read_pulse(None)
    (tmp_path / "pulse.json").write_bytes(b'{"\xb8": 1}')
    with pytest.raises(NoPulseError, match=r"pulse\.json"):
        read_pulse(tmp_path)
    (tmp_path / "pulse.json").write_text("{")
    with pytest.raises(NoPulseError, match=r"pulse\.json"):
        read_pulse(tmp_path)


def test_without_memory_or_room_nothing_is_written(tmp_path: Path) -> None:
    Pulse(None, Clock()).beat("online")
    Pulse(tmp_path / "missing", Clock()).beat("online")

    assert list(tmp_path.iterdir()) == []
