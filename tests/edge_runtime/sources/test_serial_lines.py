"""Lines over a real serial line: a pseudo-terminal, whose other end plays the microcontroller."""

import os
import sys
import tty
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.config.sensors import SerialConfig
from edge_runtime.errors import SourceError
from edge_runtime.link import SourceState
from edge_runtime.sources.lines import crc16
from edge_runtime.sources.protocol import Quiet, Refusal
from edge_runtime.sources.rows import Row, RowSettings, RowSource, WindowShape
from edge_runtime.sources.serial_lines import SerialReader
from tests.edge_runtime.sources.running import Running

SHAPE = WindowShape(("a", "b"), length=1, step=1)


class Board:
    """The device's end of a serial line; `port` is a link, as udev makes them."""

    def __init__(self, port: Path) -> None:
        self.port = port
        self._ends: list[int] = []
        self.plug_in()

    def plug_in(self) -> None:
        self._ends = [*os.openpty()]
        for end in self._ends:
            tty.setraw(end)
        self.port.unlink(missing_ok=True)
        self.port.symlink_to(os.ttyname(self._ends[1]))

    def unplug(self) -> None:
        for end in self._ends:
            os.close(end)
        self._ends = []
        self.port.unlink(missing_ok=True)

    def say(self, text: bytes) -> None:
        os.write(self._ends[0], text)


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    made = Board(tmp_path / "ttyACM0")
    yield made
    made.unplug()


def row_source(config: SerialConfig) -> RowSource:
    return RowSource(SerialReader(config, ("a", "b")), RowSettings(SHAPE, config.rate_hz))


def lines(first: int, count: int) -> bytes:
    return b"".join(b'{"a":%d,"b":0.5}\n' % n for n in range(first, first + count))


def read_one(reader: SerialReader) -> Row | Quiet | Refusal:
    while True:
        reading = reader.read()
        if not isinstance(reading, Quiet):
            assert isinstance(reading, Row | Refusal)
            return reading


def test_every_row_that_is_sent_is_accounted_for(board: Board) -> None:
    source = row_source(SerialConfig(port=str(board.port)))

    with Running(source) as running:
        running.wait(lambda: running.source is source and running.control.capture_progress > 1)
        for block in range(10):
            board.say(lines(10 * block, 10))
        running.wait(lambda: running.counters().captured == 100, "100 rows")
        counters = running.settled()

    assert counters.inferred + counters.dropped["full"] == 100
    assert running.values[-1].tolist() == [[99.0, 0.5]]
    assert running.states == [SourceState.ONLINE]


def test_s4_half_a_line_at_the_start_costs_nothing(board: Board) -> None:
    reader = SerialReader(SerialConfig(port=str(board.port)), ("a", "b"))
    reader.open()
    board.say(b':3,"b":4}\n{"a":1,"b":2}\n')

    reading = read_one(reader)

    assert isinstance(reading, Row)
    assert reading.values.tolist() == [1, 2]
    reader.close()


@pytest.mark.parametrize(
    "bad",
    [b'{"a":1,"b":', b'{"a":nan,"b":1}', b'{"a":1}', b'{"a":"1","b":2}', b"\xff\x00\xf8", b""],
)
def test_s4_a_bad_line_is_refused_and_the_next_one_read(board: Board, bad: bytes) -> None:
    reader = SerialReader(SerialConfig(port=str(board.port)), ("a", "b"))
    reader.open()
    board.say(lines(0, 1) + bad + b"\n" + lines(7, 1))

    first, second, third = (read_one(reader) for _ in range(3))

    assert isinstance(first, Row)
    assert isinstance(second, Refusal)
    assert isinstance(third, Row)
    assert third.values[0] == 7
    reader.close()


def test_s4_a_wrong_baud_rate_is_a_named_state_until_it_is_right(board: Board) -> None:
    noise = np.random.default_rng(5).integers(128, 256, 4000).astype(np.uint8)
    noise[::97] = ord("\n")

    with Running(row_source(SerialConfig(port=str(board.port)))) as running:
        running.wait(lambda: running.control.capture_progress > 1)
        board.say(lines(0, 3))
        running.wait_for(SourceState.ONLINE)
        board.say(noise.tobytes() + b"\n")
        running.wait_for(SourceState.GARBLED)
        board.say(lines(3, 30))
        running.wait_for(SourceState.ONLINE)
        running.wait(
            lambda: running.counters().captured - running.counters().dropped["invalid"] == 33
        )
        counters = running.settled()

    assert counters.dropped["invalid"] == 43
    assert "of the last" in running.told[1].why
    assert "not JSON" in running.told[1].why


def test_s1_a_board_that_is_unplugged_is_found_again(board: Board) -> None:
    with Running(row_source(SerialConfig(port=str(board.port)))) as running:
        running.wait(lambda: running.control.capture_progress > 1)
        board.say(lines(0, 1))
        running.wait_frames(1)
        board.unplug()
        running.wait_for(SourceState.OFFLINE)
        board.plug_in()
        # what is said before the port is open is lost, as on a real line
        running.wait(lambda: _said(board, running), "a row after the return")

    assert running.states == [SourceState.ONLINE, SourceState.OFFLINE, SourceState.ONLINE]
    assert str(board.port) in running.told[1].why


def _said(board: Board, running: Running) -> bool:
    board.say(lines(5, 1))
    return running.states[-1] is SourceState.ONLINE


def test_s2_a_board_that_falls_silent_has_stalled_and_is_opened_again(board: Board) -> None:
    source = row_source(SerialConfig(port=str(board.port)))

    with Running(source, stall_after_s=0.3) as running:
        running.wait(lambda: running.control.capture_progress > 1)
        board.say(lines(0, 1))
        running.wait_for(SourceState.ONLINE)
        running.wait_for(SourceState.STALLED)
        running.wait(lambda: running.monitor.reconnects > 0)
        running.wait(lambda: _said(board, running), "a row after the silence")

    assert running.states == [SourceState.ONLINE, SourceState.STALLED, SourceState.ONLINE]
    assert running.monitor.stalls == 1
    assert running.told[1].why == "silent for more than 0.3 s"


def test_numbers_between_commas_are_named_by_the_header(board: Board) -> None:
    config = SerialConfig(port=str(board.port), format="csv", header=("t", "b", "a"))
    reader = SerialReader(config, ("a", "b"))
    reader.open()
    board.say(b"9,2,1\n9,2\n9,x,1\n")

    first, second, third = (read_one(reader) for _ in range(3))

    assert isinstance(first, Row)
    assert first.values.tolist() == [1, 2]
    assert second == Refusal("2 values in a line, expected are t, b, a")
    assert third == Refusal("not numbers: b'9,x,1'")
    reader.close()


def test_a_check_sum_that_is_wanted_is_checked(board: Board) -> None:
    reader = SerialReader(SerialConfig(port=str(board.port), crc=True), ("a", "b"))
    reader.open()
    good = lines(3, 1).strip()
    board.say(good + b"*%04X\n" % crc16(good) + good + b"\n" + good + b"*1234\n")

    first, second, third = (read_one(reader) for _ in range(3))

    assert isinstance(first, Row)
    assert isinstance(second, Refusal)
    assert "without *CRC" in second.why
    assert isinstance(third, Refusal)
    reader.close()


def test_a_port_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"ttyX: .*No such file"):
        SerialReader(SerialConfig(port=str(tmp_path / "ttyX")), ("a",)).open()


def test_a_port_that_another_has_is_refused(board: Board) -> None:
    config = SerialConfig(port=str(board.port))
    first = SerialReader(config, ("a",))
    first.open()

    with pytest.raises(SourceError, match="ttyACM0: "):
        SerialReader(config, ("a",)).open()
    first.close()


def test_without_pyserial_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "serial", None)

    with pytest.raises(SourceError, match=r"pip install 'edge-runtime\[serial\]'"):
        SerialReader(SerialConfig(port="/dev/ttyX"), ("a",)).open()
