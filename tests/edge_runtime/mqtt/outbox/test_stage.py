"""What was staged survives the process: whole records, whatever the end of the file is."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import OutboxError
from edge_runtime.mqtt.outbox.pending import Pending, PendingSettings
from edge_runtime.mqtt.outbox.row import Row
from edge_runtime.mqtt.outbox.stage import Stage
from edge_runtime.records import Delivery, Message


def row(number: int) -> Row:
    message = Message("p/door/event", b"%d" % number, Delivery.ALL, properties=(("seq", "1"),))
    return Row(number, message, "boot-a", 60.0, 1060.0, 2060.0)


def test_rows_come_back_but_for_those_that_were_forgotten(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "stage")
    for number in (1, 2, 3):
        stage.add(row(number))
    stage.forget(2)

    again = Stage(tmp_path / "stage")

    assert again.recover() == {1: row(1), 3: row(3)}
    again.clear()
    assert Stage(tmp_path / "stage").recover() == {}


def test_a_torn_end_costs_the_last_record_at_every_byte(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "stage")
    stage.add(row(1))
    whole = (tmp_path / "stage").stat().st_size
    stage.add(row(2))
    data = (tmp_path / "stage").read_bytes()

    for length in range(whole, len(data)):
        (tmp_path / "stage").write_bytes(data[:length])
        assert Stage(tmp_path / "stage").recover() == {1: row(1)}


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    path = Path("/dev/shm" if Path("/dev/shm").is_dir() else "/tmp", "edge-stage-test")
    path.write_bytes(data)
    try:
        assert isinstance(Stage(path).recover(), dict)
    finally:
        path.unlink()


def test_rows_that_were_committed_are_not_taken_in_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "stage")
    for number in (1, 2, 3):
        stage.add(row(number))
    pending = Pending(PendingSettings(stage=tmp_path / "stage"))

    pending.recover(3, now_s=5.0)

    assert list(pending.rows) == [3]
    assert pending.since_s == 5.0


def test_a_stage_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutboxError, match=r"stage .*missing.*No such file"):
        Pending(PendingSettings(stage=tmp_path / "missing" / "stage"))


def test_a_stage_that_is_full_is_told(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    pending = Pending(PendingSettings(stage=Path("/dev/full")))

    assert not pending.add(row(1), 0.0)
    assert pending.pop(1) == row(1)
    assert pending.pop(1) is None
