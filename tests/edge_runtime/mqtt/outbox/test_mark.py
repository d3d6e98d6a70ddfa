"""D6: an older copy of the outbox's file is noticed, and its numbers are not used again."""

import errno
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge_runtime.host.time_source import TimeSource
from edge_runtime.mqtt.outbox import mark
from edge_runtime.mqtt.outbox.outbox import Outbox
from edge_runtime.mqtt.outbox.settings import OutboxSettings
from edge_runtime.mqtt.outbox.status import OutboxStatus, Storage
from edge_runtime.mqtt.outbox.store import Store
from edge_runtime.records import Delivery, Message

Live = Callable[[int], OutboxStatus]


@pytest.fixture
def place(tmp_path: Path) -> OutboxSettings:
    return OutboxSettings(tmp_path / "outbox.db", max_loss_window_s=0.0)


@pytest.fixture
def live(place: OutboxSettings) -> Live:
    """Start, put so many messages in, stop; return what was said before the stop."""

    def run(messages: int) -> OutboxStatus:
        outbox = Outbox(place, TimeSource(), "boot-a")
        for number in range(messages):
            outbox.put(Message("p/door/event", b"%d" % number, Delivery.ALL))
            outbox.commit()
        status = outbox.status()
        outbox.close()
        return status

    return run


def test_d6_numbers_only_rise_within_an_epoch(live: Live) -> None:
    first, second = live(5), live(3)

    assert first.epoch == second.epoch != ""
    assert (first.last_id, second.last_id) == (5, 8)
    assert first.regression is second.regression is None


def test_d6_an_older_copy_is_told_and_gets_a_new_epoch(
    live: Live, place: OutboxSettings, tmp_path: Path
) -> None:
    before = live(5)
    shutil.copy(place.path, tmp_path / "older")
    live(7)
    shutil.copy(tmp_path / "older", place.path)

    after, later = live(1), live(0)

    assert after.regression == "an older copy: it knows numbers up to 5, given were 12"
    assert after.epoch != before.epoch
    assert after.last_id == 13  # no number of the lost ones is used again
    assert later.regression is None
    assert later.epoch == after.epoch


def test_d6_another_file_is_told_too(live: Live, place: OutboxSettings) -> None:
    live(5)
    place.path.unlink()

    after = live(1)

    assert after.regression == "another file: numbers up to 5 were given in one that is gone"
    assert after.last_id == 6


def test_d6_file_and_mark_that_went_back_together_show_to_the_consumer(
    live: Live, place: OutboxSettings, tmp_path: Path
) -> None:
    live(5)
    shutil.copytree(tmp_path, tmp_path / "older")
    before = live(7)
    for file in (tmp_path / "older").iterdir():
        shutil.copy(file, tmp_path)

    after = live(1)

    assert after.epoch == before.epoch
    assert after.last_id < before.last_id


def test_a_damaged_file_begins_an_epoch_and_is_no_regression(
    live: Live, place: OutboxSettings
) -> None:
    before = live(5)
    place.path.write_bytes(b"no database here" * 1000)

    after = live(1)

    assert after.regression is None
    assert after.epoch not in {"", before.epoch}


@pytest.mark.parametrize("content", [b"", b"{}", b'{"epoch": 3, "last_id": 1}', b"\xff"])
def test_a_damaged_mark_is_none(live: Live, place: OutboxSettings, content: bytes) -> None:
    live(5)
    place.path.with_suffix(".mark").write_bytes(content)

    assert live(1).regression is None


def test_d1_a_disk_that_is_full_at_the_start_is_a_state(
    live: Live, place: OutboxSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(5)

    def refuse(*_: object, **__: object) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    monkeypatch.setattr(Store, "rebase", refuse)
    status = live(0)

    assert status.storage is Storage.DISK_FULL
    assert status.waiting == 5


def test_a_mark_that_cannot_be_written_stops_nothing(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(mark, "replace_file", refuse)

    assert live(5).last_id == 5


def test_memory_alone_has_no_epoch(place: OutboxSettings, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    outbox = Outbox(replace(place, path=tmp_path / "file" / "o.db"), TimeSource(), "boot-a")

    assert outbox.status().epoch == ""
    outbox.close()
