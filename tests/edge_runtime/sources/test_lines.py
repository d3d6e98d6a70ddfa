"""Whole lines from a stream of bytes, and their check sums."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import FrameError
from edge_runtime.sources.lines import MAX_LINE_BYTES, LineBuffer, check_line, crc16


@given(st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"").replace(b"\r", b""))),
       st.integers(1, 7))  # fmt: skip
def test_lines_come_whole_however_the_bytes_are_cut(lines: list[bytes], piece: int) -> None:
    data = b"".join(line + b"\r\n" for line in lines)
    buffer, found = LineBuffer(), []

    for at in range(0, len(data), piece):
        buffer.feed(data[at : at + piece])
        while (line := buffer.take()) is not None:
            found.append(line)

    assert found == lines


def test_a_line_without_an_end_is_refused_once_and_the_next_one_read() -> None:
    buffer = LineBuffer()
    buffer.feed(b"x" * (MAX_LINE_BYTES + 1))
    with pytest.raises(FrameError, match=r"more than 4096 bytes \(wrong baud rate\?\)"):
        buffer.take()
    buffer.feed(b"y" * (MAX_LINE_BYTES + 1))
    assert buffer.take() is None

    buffer.feed(b"tail\nnext\n")

    assert buffer.take() == b"next"
    assert buffer.take() is None


def test_the_check_sum_is_the_one_of_the_catalogues() -> None:
    assert crc16(b"123456789") == 0x29B1  # CRC RevEng: CRC-16/IBM-3740, alias CCITT-FALSE


def test_a_check_sum_that_is_there_has_to_be_right() -> None:
    text = b'{"a":1}'

    assert check_line(text) == text
    assert check_line(text + b"*%04X" % crc16(text), needs_crc=True) == text
    assert check_line(text + b"*%04x" % crc16(text)) == text
    with pytest.raises(FrameError, match="line says CRC 0000"):
        check_line(text + b"*0000")
    with pytest.raises(FrameError, match=r"line without \*CRC"):
        check_line(text, needs_crc=True)
