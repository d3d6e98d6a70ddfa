"""The count of connections: from 0, on over restarts, round after 255."""

from pathlib import Path

import pytest

from edge_runtime.sparkplug.births import BirthCount


def test_it_begins_at_nought_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "births"

    first = BirthCount(file)
    numbers = [first.next(), first.next(), BirthCount(file).next()]

    assert numbers == [0, 1, 2]
    assert first.present == 1


def test_after_255_comes_nought(tmp_path: Path) -> None:
    (tmp_path / "births").write_text("255\n")

    assert BirthCount(tmp_path / "births").next() == 0


def test_a_file_that_is_no_number_begins_anew_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "births").write_text("many")

    assert BirthCount(tmp_path / "births").next() == 0
    assert "begins anew" in caplog.text


def test_a_disk_that_takes_nothing_is_said_and_counts_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    births = BirthCount(tmp_path / "gone" / "births")

    assert [births.next(), births.next()] == [0, 1]
    assert "is not kept" in caplog.text
