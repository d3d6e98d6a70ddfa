"""Recorded rows as a source."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.config.sources import CsvConfig
from edge_runtime.errors import SourceError
from edge_runtime.link import SourceState
from edge_runtime.sources.csv_replay import CsvSource
from edge_runtime.sources.protocol import End, Partial, Reading, Refusal, Shot
from edge_runtime.sources.rows import WindowShape
from tests.edge_runtime.sources.running import Running

PAIR = WindowShape(("a", "b"), 1, 1)


def opened(path: Path, text: str, shape: WindowShape | None = None, **config: Any) -> CsvSource:
    path.write_text(text, encoding="utf-8")
    source = CsvSource(CsvConfig(path=str(path), **config), shape or PAIR)
    source.open()
    return source


def drain(source: CsvSource, most: int = 100) -> list[Reading]:
    readings: list[Reading] = []
    while len(readings) < most:
        reading = source.read()
        if isinstance(reading, End):
            break
        if not isinstance(reading, Partial):
            readings.append(reading)
    source.close()
    return readings


def values(readings: list[Reading]) -> list[Any]:
    return [r.values.tolist() for r in readings if isinstance(r, Shot)]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "rows.csv"


def test_columns_are_found_by_name_in_the_models_order(table: Path) -> None:
    readings = drain(opened(table, "b,x,a\n2,9,1\n4,9,3\n", rate_hz=0))

    assert values(readings) == [[[1.0, 2.0]], [[3.0, 4.0]]]


def test_rows_keep_the_rate(table: Path) -> None:
    readings = drain(opened(table, "a,b\n1,2\n3,4\n5,6\n", rate_hz=4))

    assert [r.due_s for r in readings if isinstance(r, Shot)] == [0.0, 0.25, 0.5]


def test_rows_keep_their_own_time_and_never_go_back(table: Path) -> None:
    text = "t,a,b\n100.0,1,2\n100.5,1,2\n100.2,1,2\n103,1,2\n"

    readings = drain(opened(table, text, timestamp_column="t"))

    assert [r.due_s for r in readings if isinstance(r, Shot)] == [0.0, 0.5, 0.5, 3.0]


def test_windows_overlap_by_the_models_step(table: Path) -> None:
    text = "a\n" + "\n".join(str(n) for n in range(6))
    source = opened(table, text, WindowShape(("a",), 3, 2), rate_hz=10)

    readings = drain(source)

    assert values(readings) == [[[0], [1], [2]], [[2], [3], [4]]]
    assert [r.due_s for r in readings if isinstance(r, Shot)] == [0.2, 0.4]
    assert source.rate_hz == 5.0


def test_rows_that_hold_no_numbers_are_refused_by_number(table: Path) -> None:
    text = "a,b\n1,2\n,2\nnan,2\nx,2\n3\n1,inf\n5,6\n"

    readings = drain(opened(table, text, rate_hz=0))

    assert values(readings) == [[[1.0, 2.0]], [[5.0, 6.0]]]
    refused = [r.why for r in readings if isinstance(r, Refusal)]
    assert len(refused) == 5
    assert refused[0] == "row 2: column 'a': '' is no number"
    assert refused[2] == "row 4: column 'a': 'x' is no number"


def test_a_time_that_is_no_number_is_refused(table: Path) -> None:
    readings = drain(opened(table, "t,a,b\n1,1,1\nnan,1,1\n2,1,1\n", timestamp_column="t"))

    assert [type(r) for r in readings] == [Shot, Refusal, Shot]


def test_damaged_bytes_are_a_refused_row(table: Path) -> None:
    source = opened(table, "a,b\n", rate_hz=0)
    table.write_bytes(b"a,b\n1,2\n\xff\xfe,3\n4,5\n")
    source.open()

    assert values(drain(source)) == [[[1.0, 2.0]], [[4.0, 5.0]]]


def test_a_field_without_end_is_refused_not_fatal(table: Path) -> None:
    text = "a,b\n1,2\n" + "9" * 200_000 + ",3\n4,5\n"

    readings = drain(opened(table, text, rate_hz=0))

    assert values(readings) == [[[1.0, 2.0]], [[4.0, 5.0]]]
    assert isinstance(readings[1], Refusal)


def test_a_loop_never_mixes_two_rounds_in_a_window(table: Path) -> None:
    source = opened(table, "a\n1\n2\n3\n", WindowShape(("a",), 2, 2), rate_hz=1, loop=True)

    readings = drain(source, most=3)

    assert values(readings) == [[[1], [2]]] * 3
    assert [r.due_s for r in readings if isinstance(r, Shot)] == [1.0, 4.0, 7.0]


def test_opening_again_goes_on_after_the_last_row(table: Path) -> None:
    source = opened(table, "a,b\n1,2\n3,4\n", rate_hz=0)
    source.read()
    source.open()

    assert values(drain(source)) == [[[3.0, 4.0]]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,c\n1,2\n", "no column b; there are a, c"),
        ("a,b\n", "holds no row"),
        ("", "no column a, b"),
    ],
)
def test_what_cannot_be_played_is_said(table: Path, text: str, message: str) -> None:
    table.write_text(text, encoding="utf-8")
    source = CsvSource(CsvConfig(path=str(table), rate_hz=1, loop=True), PAIR)

    with closing(source), pytest.raises(SourceError, match=message):
        play(source)


def test_a_file_that_is_missing_is_said(table: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        CsvSource(CsvConfig(path=str(table), rate_hz=0), PAIR).open()


def play(source: CsvSource) -> None:
    source.open()
    source.read()


def test_every_row_is_accounted_for(table: Path) -> None:
    rows = [f"{n},{'x' if n % 10 == 3 else n}" for n in range(200)]
    source = opened(table, "a,b\n" + "\n".join(rows), WindowShape(("a", "b"), 4, 1), rate_hz=0)

    with Running(source) as running:
        running.wait_for(SourceState.FINISHED)
        counters = running.settled()

    assert counters.inferred == 180 - 3
    assert counters.dropped["invalid"] == 20
    assert running.states == [SourceState.ONLINE, SourceState.FINISHED]  # a tenth is no garbage
