"""Starts that break off are counted across processes; order or time clears them."""

from pathlib import Path

import pytest

from edge_runtime.host.starts import Caution, StartRecord, caution_after


@pytest.mark.parametrize(
    ("broken", "caution"),
    [
        (0, Caution.NONE),
        (2, Caution.NONE),
        (3, Caution.PREVIOUS_MODELS),
        (5, Caution.PREVIOUS_MODELS),
        (6, Caution.NO_MODELS),
        (100, Caution.NO_MODELS),
    ],
)
def test_each_row_of_broken_starts_dares_less(broken: int, caution: Caution) -> None:
    assert caution_after(broken) is caution


def test_starts_that_break_off_add_up(tmp_path: Path) -> None:
    assert [StartRecord(tmp_path / "starts").broken for _ in range(4)] == [0, 1, 2, 3]


def test_a_start_that_settles_clears_the_count(tmp_path: Path) -> None:
    StartRecord(tmp_path / "starts")
    StartRecord(tmp_path / "starts").settle()

    assert StartRecord(tmp_path / "starts").broken == 0


@pytest.mark.parametrize("content", [b"", b"-3", b"a lot", b"\xff\xfe", b"9" * 5000])
def test_a_damaged_count_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "starts").write_bytes(content)

    assert StartRecord(tmp_path / "starts").broken == 0


def test_where_nothing_can_be_written_nothing_is_counted(tmp_path: Path) -> None:
    record = StartRecord(tmp_path / "missing" / "starts")

    record.settle()

    assert record.broken == 0
