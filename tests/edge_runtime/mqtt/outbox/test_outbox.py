"""The outbox: bounded, ordered, durable, honest about what it dropped."""

import errno
import os
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.host.time_source import TimeSource
from edge_runtime.mqtt.outbox.outbox import ACK_WINDOW_S, MAX_PAYLOAD_BYTES, RETRY_STORAGE_S, Outbox
from edge_runtime.mqtt.outbox.pending import PendingSettings
from edge_runtime.mqtt.outbox.row import ROW_OVERHEAD_BYTES
from edge_runtime.mqtt.outbox.settings import OutboxSettings
from edge_runtime.mqtt.outbox.status import Storage, StoredMessage
from edge_runtime.mqtt.outbox.store import Store, open_store
from edge_runtime.records import Delivery, Message


@dataclass
class Hands:
    """Clock hands that a test moves."""

    monotonic_s: float = 1000.0
    wall_s: float = 1_800_000_000.0

    def advance(self, seconds: float) -> None:
        self.monotonic_s += seconds
        self.wall_s += seconds

    @property
    def source(self) -> TimeSource:
        return TimeSource(lambda: self.monotonic_s, lambda: self.wall_s)


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def place(tmp_path: Path) -> OutboxSettings:
    return OutboxSettings(tmp_path / "outbox.db", max_loss_window_s=0.0)


@pytest.fixture
def outbox(place: OutboxSettings, hands: Hands) -> Iterator[Outbox]:
    box = Outbox(place, hands.source, "boot-a")
    yield box
    box.close()


def event(number: int, topic: str = "p/door/event", expiry_s: int | None = None) -> Message:
    properties = (("seq", str(number)),)
    return Message(topic, b"%d" % number, Delivery.ALL, expiry_s=expiry_s, properties=properties)


def state(text: bytes, topic: str = "p/door/state") -> Message:
    return Message(topic, text, Delivery.LATEST, retain=True)


def payloads(rows: list[StoredMessage]) -> list[bytes]:
    return [row.message.payload for row in rows]


def every(outbox: Outbox, delivery: Delivery = Delivery.ALL) -> list[StoredMessage]:
    return outbox.take(delivery, 0, 10_000)


def balance_holds(outbox: Outbox) -> bool:
    status = outbox.status()
    gone = status.delivered + status.dropped_here.total()
    return status.accepted + status.found == status.waiting + gone


def test_messages_come_out_in_the_order_in_which_they_went_in(outbox: Outbox) -> None:
    for number in range(5):
        outbox.put(event(number))
    outbox.commit()

    rows = every(outbox)

    assert payloads(rows) == [b"0", b"1", b"2", b"3", b"4"]
    assert rows[0].message == event(0)


def test_a_message_survives_the_process(
    outbox: Outbox, place: OutboxSettings, hands: Hands
) -> None:
    outbox.put(replace(event(7), retain=True))
    outbox.close()

    again = Outbox(place, hands.source, "boot-a")

    assert every(again)[0].message == replace(event(7), retain=True)
    assert again.status().found == 1
    again.close()


def test_a_message_is_deleted_only_after_its_acknowledgement(
    outbox: Outbox, place: OutboxSettings, hands: Hands
) -> None:
    outbox.put(event(1))
    outbox.put(event(2))
    outbox.commit()
    first = every(outbox)[0]

    outbox.ack(first.id)
    hands.advance(ACK_WINDOW_S)
    outbox.commit_if_due()

    with sqlite3.connect(place.path) as reader:
        assert reader.execute("SELECT payload FROM message").fetchall() == [(b"2",)]
    reader.close()
    assert payloads(every(outbox)) == [b"2"]


def test_the_commit_is_on_disk_for_another_reader(outbox: Outbox, place: OutboxSettings) -> None:
    outbox.put(event(1))
    outbox.commit_if_due()

    reader = sqlite3.connect(place.path)
    assert reader.execute("SELECT count(*) FROM message").fetchone() == (1,)
    assert reader.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    reader.close()


def test_messages_gather_for_the_loss_window_and_are_committed_together(
    place: OutboxSettings, hands: Hands
) -> None:
    outbox = Outbox(replace(place, max_loss_window_s=5.0), hands.source, "boot-a")
    outbox.put(event(1))
    hands.advance(4.9)
    outbox.commit_if_due()
    reader = sqlite3.connect(place.path)
    assert reader.execute("SELECT count(*) FROM message").fetchone() == (0,)

    hands.advance(0.2)
    outbox.commit_if_due()

    assert reader.execute("SELECT count(*) FROM message").fetchone() == (1,)
    reader.close()
    outbox.close()


def test_a_message_acknowledged_within_the_window_never_touches_the_disk(
    place: OutboxSettings, hands: Hands
) -> None:
    outbox = Outbox(replace(place, max_loss_window_s=5.0), hands.source, "boot-a")
    outbox.put(event(1))

    outbox.ack(every(outbox)[0].id)
    outbox.commit()

    assert outbox.is_empty()
    reader = sqlite3.connect(place.path)
    assert reader.execute("SELECT count(*) FROM last_id").fetchone() == (0,)
    reader.close()
    outbox.close()


def test_it_says_when_it_wants_to_commit_next(place: OutboxSettings, hands: Hands) -> None:
    outbox = Outbox(replace(place, max_loss_window_s=5.0), hands.source, "boot-a")
    assert outbox.due_in_s() is None
    outbox.put(event(1))
    hands.advance(2.0)
    assert outbox.due_in_s() == pytest.approx(3.0)
    outbox.commit()
    outbox.ack(every(outbox)[0].id)
    assert outbox.due_in_s() == pytest.approx(ACK_WINDOW_S)
    outbox.close()


def test_only_the_newest_state_of_a_topic_is_kept(outbox: Outbox) -> None:
    outbox.put(state(b"old"))
    outbox.commit()
    outbox.put(state(b"newer"))
    outbox.put(state(b"newest"))
    outbox.put(state(b"other", topic="p/yard/state"))
    outbox.commit()

    assert payloads(every(outbox, Delivery.LATEST)) == [b"newest", b"other"]
    assert outbox.latest_topics() == {"p/door/state", "p/yard/state"}
    assert outbox.status().dropped["replaced", Delivery.LATEST] == 2
    assert balance_holds(outbox)


def test_acknowledging_a_replaced_state_leaves_the_newer_one(outbox: Outbox) -> None:
    outbox.put(state(b"old"))
    outbox.commit()
    in_flight = every(outbox, Delivery.LATEST)[0]
    outbox.put(state(b"new"))
    outbox.commit()

    outbox.ack(in_flight.id)
    outbox.commit()

    assert payloads(every(outbox, Delivery.LATEST)) == [b"new"]
    assert balance_holds(outbox)


def test_acknowledging_twice_counts_once(outbox: Outbox) -> None:
    outbox.put(event(1))
    outbox.commit()
    number = every(outbox)[0].id

    outbox.ack(number)
    outbox.ack(number)

    assert outbox.status().delivered == 1
    assert every(outbox) == []


def test_an_expired_message_is_dropped_and_counted(outbox: Outbox, hands: Hands) -> None:
    outbox.put(event(1, expiry_s=10))
    outbox.put(event(2))
    outbox.commit()
    hands.advance(11)

    assert payloads(every(outbox)) == [b"2"]
    assert outbox.status().dropped["expired", Delivery.ALL] == 1


def test_a_commit_expires_what_nobody_asked_for(outbox: Outbox, hands: Hands) -> None:
    outbox.put(event(1, expiry_s=10))
    outbox.commit()
    hands.advance(11)
    outbox.put(event(2))
    outbox.commit()

    assert outbox.status().waiting == 1
    assert outbox.status().dropped["expired", Delivery.ALL] == 1


def test_what_is_left_of_the_expiry_is_told(outbox: Outbox, hands: Hands) -> None:
    outbox.put(event(1, expiry_s=60))
    outbox.put(event(2))
    hands.advance(20.5)

    assert [row.expires_in_s for row in every(outbox)] == [39, None]


def test_t1_a_wall_clock_that_jumps_ten_years_expires_nothing_in_this_boot(
    outbox: Outbox, place: OutboxSettings, hands: Hands
) -> None:
    outbox.put(event(1, expiry_s=60))
    outbox.close()
    hands.wall_s += 10 * 365 * 86_400

    again = Outbox(place, hands.source, "boot-a")

    assert payloads(every(again)) == [b"1"]
    again.close()


def test_after_a_reboot_the_age_is_read_off_the_wall_clock(
    outbox: Outbox, place: OutboxSettings, hands: Hands
) -> None:
    outbox.put(event(1, expiry_s=60))
    outbox.put(event(2, expiry_s=600))
    outbox.close()
    hands.monotonic_s, hands.wall_s = 5.0, hands.wall_s + 100

    again = Outbox(place, hands.source, "boot-b")

    assert payloads(every(again)) == [b"2"]
    assert every(again)[0].expires_in_s == 500
    again.close()


def test_t1_a_wall_clock_that_went_back_lengthens_no_life(
    outbox: Outbox, place: OutboxSettings, hands: Hands
) -> None:
    outbox.put(event(1, expiry_s=60))
    outbox.close()
    hands.monotonic_s, hands.wall_s = 5.0, 0.0

    again = Outbox(place, hands.source, "boot-b")

    assert every(again)[0].expires_in_s == 60
    again.close()


def test_the_oldest_events_give_way_when_the_rows_are_used_up(
    place: OutboxSettings, hands: Hands
) -> None:
    outbox = Outbox(replace(place, max_rows=3), hands.source, "boot-a")
    for number in range(5):
        outbox.put(event(number))
    outbox.commit()

    assert payloads(every(outbox)) == [b"2", b"3", b"4"]
    assert outbox.status().dropped["full", Delivery.ALL] == 2
    outbox.close()


def test_a_state_gives_way_before_an_event(place: OutboxSettings, hands: Hands) -> None:
    outbox = Outbox(replace(place, max_rows=2), hands.source, "boot-a")
    outbox.put(event(1))
    outbox.put(state(b"s"))
    outbox.put(event(2))
    outbox.commit()

    assert payloads(every(outbox)) == [b"1", b"2"]
    assert outbox.status().dropped["full", Delivery.LATEST] == 1
    outbox.close()


def test_drop_counters_outlive_the_process(place: OutboxSettings, hands: Hands) -> None:
    outbox = Outbox(replace(place, max_rows=1), hands.source, "boot-a")
    for number in range(3):
        outbox.put(event(number))
    outbox.close()

    again = Outbox(place, hands.source, "boot-a")

    assert again.status().dropped["full", Delivery.ALL] == 2
    assert again.status().dropped_here.total() == 0
    again.close()


def test_numbers_are_never_used_twice(outbox: Outbox, place: OutboxSettings, hands: Hands) -> None:
    outbox.put(event(1))
    outbox.commit()
    first = every(outbox)[0].id
    outbox.ack(first)
    outbox.close()

    again = Outbox(place, hands.source, "boot-a")
    again.put(event(2))

    assert every(again)[0].id > first
    again.close()


def test_n8_an_oversize_payload_is_refused_before_it_is_stored(outbox: Outbox) -> None:
    outbox.put(Message("alert", bytes(MAX_PAYLOAD_BYTES + 1), Delivery.ALL))

    assert outbox.is_empty()
    assert outbox.status().dropped["oversize", Delivery.ALL] == 1
    assert balance_holds(outbox)


def test_a_refused_message_is_dropped_under_its_reason(outbox: Outbox) -> None:
    outbox.put(event(1))
    outbox.commit()
    stored = every(outbox)[0]

    outbox.refuse(stored.id, stored.message, "refused")
    outbox.refuse(stored.id, stored.message, "refused")

    assert outbox.is_empty()
    assert outbox.status().dropped["refused", Delivery.ALL] == 1


def test_taking_goes_on_above_a_number_and_stops_at_the_limit(outbox: Outbox) -> None:
    for number in range(6):
        outbox.put(event(number))
    outbox.commit()
    second = every(outbox)[1].id

    assert payloads(outbox.take(Delivery.ALL, second, 2)) == [b"2", b"3"]


def test_the_oldest_age_is_that_of_the_first_waiting_message(outbox: Outbox, hands: Hands) -> None:
    assert outbox.status().oldest_s == 0.0
    outbox.put(event(1))
    hands.advance(3.0)
    assert outbox.status().oldest_s == pytest.approx(3.0)
    outbox.commit()
    hands.advance(4.0)
    assert outbox.status().oldest_s == pytest.approx(7.0)


def test_a_row_with_a_wrong_checksum_is_not_sent(outbox: Outbox, place: OutboxSettings) -> None:
    outbox.put(event(1))
    outbox.put(event(2))
    outbox.put(event(3))
    outbox.commit()
    writer = sqlite3.connect(place.path)
    writer.execute("UPDATE message SET payload = X'00' WHERE payload = X'31'")
    writer.execute("UPDATE message SET payload = 5 WHERE payload = X'32'")
    writer.commit()
    writer.close()

    assert payloads(every(outbox)) == [b"3"]
    assert outbox.status().dropped["damaged_row", Delivery.ALL] == 2


@pytest.mark.parametrize("damage", ["header", "truncated", "garbage", "foreign_table"])
def test_d2_a_damaged_file_is_set_aside_and_work_goes_on(
    place: OutboxSettings, hands: Hands, damage: str
) -> None:
    first = Outbox(place, hands.source, "boot-a")
    for number in range(200):
        first.put(event(number))
    first.close()
    _damage(place.path, damage)

    outbox = Outbox(place, hands.source, "boot-a")
    outbox.put(event(1))
    outbox.commit()

    assert payloads(every(outbox)) == [b"1"]
    assert outbox.status().dropped["damaged_file", Delivery.ALL] == 1
    assert place.path.with_name("outbox.db.damaged").is_file()
    assert balance_holds(outbox)
    outbox.close()


def _damage(path: Path, how: str) -> None:
    if how == "foreign_table":
        path.unlink()
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE message (id INTEGER PRIMARY KEY, what TEXT)")
        other.close()
        return
    data = bytearray(path.read_bytes())
    if how == "header":
        data[:16] = b"no database here"
    elif how == "truncated":
        del data[len(data) // 2 :]
    else:
        data[4096:8192] = bytes(range(256)) * 16
    path.write_bytes(data)


def test_d2_no_damage_to_the_files_keeps_it_from_working(tmp_path: Path, hands: Hands) -> None:
    place = OutboxSettings(tmp_path / "outbox.db", max_loss_window_s=0.0)
    first = Outbox(place, hands.source, "boot-a")
    for number in range(100):
        first.put(replace(event(number), payload=bytes(300)))
        first.commit()
    originals = {path.name: path.read_bytes() for path in tmp_path.glob("outbox.db*")}
    first.close()
    rng = random.Random(7)

    for _ in range(200):
        for name, data in originals.items():
            (tmp_path / name).write_bytes(_mutated(data, rng))
        outbox = Outbox(place, hands.source, "boot-b")
        every(outbox)
        outbox.put(event(1))
        outbox.commit()
        assert b"1" in payloads(every(outbox))
        outbox.close()


def _mutated(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    match rng.randrange(5):
        case 0:
            del changed[rng.randrange(len(changed) + 1) :]
        case 1:
            for _ in range(20):
                changed[rng.randrange(len(changed))] = rng.randrange(256)
        case 2:
            start = rng.randrange(len(changed))
            changed[start : start + 512] = rng.randbytes(len(changed[start : start + 512]))
        case 3:
            changed.clear()
        case _:
            pass
    return bytes(changed)


def test_d2_damage_found_while_running_starts_a_new_file(
    outbox: Outbox, place: OutboxSettings
) -> None:
    for number in range(500):
        outbox.put(event(number))
    outbox.commit()
    _checkpoint(place.path)
    _overwrite(place.path)

    assert every(outbox) == []
    outbox.put(event(501))
    outbox.commit()

    assert payloads(every(outbox)) == [b"501"]
    assert outbox.status().dropped["damaged_file", Delivery.ALL] == 500
    assert balance_holds(outbox)


def _checkpoint(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()


def _overwrite(path: Path) -> None:
    """Spoil every page but the first, in place, as a bad card would."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))
        # SQLite notices a foreign change by the counter on page 1; a bad card does not bump it,
        # so the pages must not be in the cache: another connection's change drops them.
        file.seek(24)
        file.write(b"\x7f\x00\x00\x01")


class FailingStore(Store):
    """A store whose disk can be told to refuse; everything else is the real one."""

    error: sqlite3.Error | None = None

    def _check(self) -> None:
        if self.error is not None:
            raise self.error

    def apply(self, *args: object, **kwargs: object) -> object:
        self._check()
        return super().apply(*args, **kwargs)

    def take(self, *args: object) -> object:
        self._check()
        return super().take(*args)

    def latest_topics(self) -> frozenset[str]:
        self._check()
        return super().latest_topics()

    def holds(self, number: int) -> bool:
        self._check()
        return super().holds(number)


def sqlite_error(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("made up")
    error.sqlite_errorcode = code
    return error


@pytest.fixture
def failing(outbox: Outbox, place: OutboxSettings) -> FailingStore:
    outbox._store.close()
    outbox._store = FailingStore(place.path)
    return outbox._store


@pytest.mark.parametrize(
    ("code", "storage"),
    [
        (sqlite3.SQLITE_FULL, Storage.DISK_FULL),
        (sqlite3.SQLITE_READONLY, Storage.READ_ONLY),
        (sqlite3.SQLITE_IOERR, Storage.IO_ERROR),
    ],
)
def test_d1_d5_a_disk_that_refuses_is_a_state_and_delivery_goes_on_from_memory(
    outbox: Outbox, failing: FailingStore, hands: Hands, code: int, storage: Storage
) -> None:
    failing.error = sqlite_error(code)
    outbox.put(event(1))
    outbox.commit()
    assert outbox.status().storage is storage
    failing.error = None

    outbox.put(event(2))
    outbox.commit()  # too early: the disk is not asked at every message
    assert outbox.status().storage is storage
    assert payloads(every(outbox)) == [b"1", b"2"]

    hands.advance(RETRY_STORAGE_S)
    outbox.commit()
    assert outbox.status().storage is Storage.OK
    assert payloads(every(outbox)) == [b"1", b"2"]


def test_d1_a_disk_that_is_really_full_loses_nothing_that_was_committed(
    outbox: Outbox, hands: Hands
) -> None:
    outbox.put(event(0))
    outbox.commit()
    connection = outbox._store._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")

    for number in range(1, 40):
        outbox.put(replace(event(number), payload=b"%d" % number + bytes(4000)))
    outbox.commit()

    assert outbox.status().storage is Storage.DISK_FULL
    assert len(every(outbox)) == 40
    connection.execute("PRAGMA max_page_count = 1000000")
    hands.advance(RETRY_STORAGE_S)
    outbox.commit()
    assert outbox.status().storage is Storage.OK
    assert len(every(outbox)) == 40
    assert outbox.status().dropped_here.total() == 0


def test_memory_is_bounded_while_the_disk_refuses(
    outbox: Outbox, failing: FailingStore, place: OutboxSettings
) -> None:
    failing.error = sqlite_error(sqlite3.SQLITE_FULL)
    for number in range(place.pending.max_rows + 10):
        outbox.put(event(number))

    status = outbox.status()
    assert status.waiting == place.pending.max_rows
    assert status.dropped_here["disk_full", Delivery.ALL] == 10
    assert balance_holds(outbox)
    failing.error = None


def test_d5_reading_from_a_disk_that_refuses_is_a_state_too(
    outbox: Outbox, failing: FailingStore
) -> None:
    outbox.put(event(1))
    outbox.commit()
    number = every(outbox)[0].id
    failing.error = sqlite_error(sqlite3.SQLITE_IOERR)

    outbox.ack(number)

    assert every(outbox) == []
    assert outbox.latest_topics() == frozenset()
    assert outbox.status().storage is Storage.IO_ERROR
    failing.error = None
    assert payloads(every(outbox)) == [b"1"]  # not acknowledged as far as the disk knows: again


def test_d5_a_directory_that_cannot_be_written_leaves_the_memory(
    tmp_path: Path, hands: Hands
) -> None:
    (tmp_path / "file").write_bytes(b"")
    outbox = Outbox(OutboxSettings(tmp_path / "file" / "outbox.db"), hands.source, "boot-a")

    outbox.put(event(1))
    outbox.commit()

    assert outbox.status().storage is Storage.MEMORY
    assert payloads(every(outbox)) == [b"1"]
    outbox.close()


def test_a_damaged_file_that_cannot_be_renamed_leaves_the_memory(
    place: OutboxSettings, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.path.write_bytes(b"no database here" * 1000)

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "replace", refuse)
    outbox = Outbox(place, hands.source, "boot-a")

    assert outbox.status().storage is Storage.MEMORY
    outbox.close()


def test_filling_and_draining_again_and_again_leaves_no_growing_file(
    outbox: Outbox, place: OutboxSettings, hands: Hands
) -> None:
    sizes = []
    for _ in range(10):
        for number in range(2500):
            outbox.put(replace(event(number), payload=bytes(400)))
        outbox.commit()
        for row in every(outbox):
            outbox.ack(row.id)
        hands.advance(1.0)
        outbox.commit_if_due()
        sizes.append(sum(file.stat().st_size for file in place.path.parent.glob("outbox.db*")))

    assert outbox.is_empty()
    assert max(sizes[6:]) <= max(sizes[3:6])  # the log has its full size by then


def test_opening_a_store_says_whether_it_was_damaged(tmp_path: Path) -> None:
    store, was_damaged = open_store(tmp_path / "new.db")
    store.close()

    assert not was_damaged


operations = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 60)),
        st.tuples(st.just("state"), st.integers(0, 3)),
        st.tuples(st.just("commit"), st.just(0)),
        st.tuples(st.just("ack"), st.integers(0, 5)),
        st.tuples(st.just("wait"), st.integers(0, 40)),
        st.tuples(st.just("restart"), st.just(0)),
    ),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(operations)
def test_whatever_happens_it_stays_in_bounds_in_order_and_in_balance(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    hands = Hands()
    bounds = OutboxSettings(
        tmp_path_factory.mktemp("outbox") / "o.db", max_rows=7, max_loss_window_s=0.0,
        max_bytes=6 * ROW_OVERHEAD_BYTES, max_age_s=100.0, pending=PendingSettings(max_rows=5),
    )  # fmt: skip
    outbox = Outbox(bounds, hands.source, "boot")
    for number, (step, value) in enumerate(steps):
        match step:
            case "put":
                outbox.put(replace(event(number, expiry_s=value + 30), payload=bytes(value)))
            case "state":
                outbox.put(state(b"%d" % number, topic=f"p/{value}/state"))
            case "commit":
                outbox.commit_if_due()
            case "ack":
                for row in outbox.take(Delivery.ALL, 0, value):
                    outbox.ack(row.id)
            case "wait":
                hands.advance(value)
            case _:
                outbox.close()
                outbox = Outbox(bounds, hands.source, "boot")
        status = outbox.status()
        assert outbox._store.rows <= bounds.max_rows
        assert outbox._store.bytes <= bounds.max_bytes
        assert status.waiting <= bounds.max_rows + bounds.pending.max_rows
        assert balance_holds(outbox)
        numbers = [row.id for row in every(outbox)]
        assert numbers == sorted(set(numbers))
    outbox.close()
