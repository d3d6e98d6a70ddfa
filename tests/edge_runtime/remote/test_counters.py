"""A counter is used once, whatever happens between."""

from pathlib import Path

import pytest

from edge_runtime.remote.commands import CommandError
from edge_runtime.remote.counters import MAX_ISSUERS, CounterStore


def test_a_counter_counts_once_and_for_its_issuer_alone(tmp_path: Path) -> None:
    store = CounterStore(tmp_path / "counters.json")
    store.advance("ops", 7, 100.0)
    store.advance("night", 1, 90.0)

    with pytest.raises(CommandError, match="counter 7 of 'ops' is used, the last one was 7"):
        store.advance("ops", 7, 110.0)
    assert (store.last("ops"), store.last("night"), store.last("new")) == (7, 1, 0)
    assert store.seen_at == 100.0


def test_n10_a_counter_stays_used_over_a_restart(tmp_path: Path) -> None:
    CounterStore(tmp_path / "counters.json").advance("ops", 7, 100.0)

    with pytest.raises(CommandError, match="is used"):
        CounterStore(tmp_path / "counters.json").advance("ops", 6, 100.0)


def test_what_cannot_be_kept_is_not_used(tmp_path: Path) -> None:
    store = CounterStore(tmp_path / "missing" / "counters.json")

    with pytest.raises(CommandError, match="cannot be kept"):
        store.advance("ops", 1, 1.0)
    assert store.last("ops") == 0


@pytest.mark.parametrize("content", [b"", b"{}x", b'{"counters":{"a":"b"}}', b"\xff"])
def test_a_damaged_file_lets_nothing_through(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "counters.json").write_bytes(content)

    with pytest.raises(CommandError, match="damaged"):
        CounterStore(tmp_path / "counters.json").advance("ops", 1, 1.0)


def test_a_file_that_cannot_be_read_lets_nothing_through(tmp_path: Path) -> None:
    (tmp_path / "counters.json").mkdir()

    with pytest.raises(CommandError, match="Is a directory"):
        CounterStore(tmp_path / "counters.json").advance("ops", 1, 1.0)


def test_issuers_do_not_grow_without_end(tmp_path: Path) -> None:
    store = CounterStore(tmp_path / "counters.json")
    for number in range(MAX_ISSUERS):
        store.advance(f"i{number}", 1, 1.0)

    with pytest.raises(CommandError, match="one more than the 64"):
        store.advance("late", 1, 1.0)
