"""Rows become windows; what is wrong with one is a counted reading or a state."""

from collections.abc import Iterator

import numpy as np
import pytest

from edge_runtime.errors import SourceFrozenError
from edge_runtime.link import SourceState
from edge_runtime.sources.protocol import Partial, Quiet, Refusal, Shot
from edge_runtime.sources.rows import Row, RowReading, RowSettings, RowSource, WindowShape
from tests.edge_runtime.sources.running import Running

SHAPE = WindowShape(("a", "b"), length=2, step=1)


class Listed:
    """Reads rows from a list, then is quiet."""

    def __init__(self, rows: list[RowReading]) -> None:
        self._rows: Iterator[RowReading] = iter(rows)

    def open(self) -> None:
        pass

    def read(self) -> RowReading:
        return next(self._rows, Quiet())

    def close(self) -> None:
        pass


def row(a: float, b: float, age_s: float = 0.0) -> Row:
    return Row(np.array([a, b]), age_s)


def source(*rows: RowReading, frozen_after: int = 0) -> RowSource:
    made = RowSource(Listed([*rows]), RowSettings(SHAPE, 10.0, frozen_after))
    made.open()
    return made


def test_a_window_comes_with_its_last_row_and_is_as_old_as_that() -> None:
    made = source(row(1, 2), row(3, 4, age_s=0.25), row(5, 6))

    first, second, third = made.read(), made.read(), made.read()

    assert isinstance(first, Partial)
    assert isinstance(second, Shot)
    assert isinstance(third, Shot)
    assert second.values.tolist() == [[1, 2], [3, 4]]
    assert second.age_s == 0.25
    assert third.values.tolist() == [[3, 4], [5, 6]]
    assert isinstance(made.read(), Quiet)
    assert made.rate_hz == 10.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39])
def test_s4_a_row_that_float32_does_not_hold_is_refused(bad: float) -> None:
    made = source(row(1, bad), row(1, 2), row(3, 4))

    assert isinstance(made.read(), Refusal)
    assert isinstance(made.read(), Partial)
    shot = made.read()
    assert isinstance(shot, Shot)
    assert np.isfinite(shot.values).all()


def test_no_window_spans_a_reopening() -> None:
    made = source(row(1, 2), row(3, 4), row(5, 6))
    made.read()
    made.open()

    assert isinstance(made.read(), Partial)
    assert isinstance(made.read(), Shot)


def test_s4_a_stuck_column_is_a_frozen_source_that_comes_back() -> None:
    moving = [row(n, 7.0) for n in range(5)]
    made = source(*moving, row(9, 8.0), row(10, 8.1), frozen_after=3)

    with Running(made) as running:
        running.wait(lambda: SourceState.FROZEN in running.states)
        running.wait_for(SourceState.ONLINE)
        running.wait_frames(2)
        counters = running.settled()

    assert running.states == [SourceState.ONLINE, SourceState.FROZEN, SourceState.ONLINE]
    assert "column 'b' is stuck at 7" in running.told[1].why
    assert counters.dropped["frozen"] == 3
    assert np.array_equal(running.values[-1], [[9, 8.0], [10, np.float32(8.1)]])


def test_frozen_is_raised_to_the_loop() -> None:
    made = source(row(1, 1), row(2, 1), frozen_after=2)
    made.read()

    with pytest.raises(SourceFrozenError):
        made.read()
