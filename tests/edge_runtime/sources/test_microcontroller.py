"""Lines of inferences over a pseudo-terminal."""

import base64
import os
import re
import sys
import tty
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from edge_runtime.config.sources import MicrocontrollerConfig
from edge_runtime.errors import SourceError
from edge_runtime.remote_inference import VectorLayout
from edge_runtime.sources.lines import crc16
from edge_runtime.sources.microcontroller import MicrocontrollerSource
from edge_runtime.sources.protocol import Refusal, Shot

LAYOUT = VectorLayout(outputs=(2,), inputs=3)


@dataclass
class Port:
    """Our end of the cable, and the source at the other."""

    master: int
    source: MicrocontrollerSource

    def send(self, *texts: bytes) -> None:
        for text in texts:
            os.write(self.master, text)


@pytest.fixture
def port() -> Iterator[Port]:
    master, slave = os.openpty()
    tty.setraw(master)
    config = MicrocontrollerConfig(port=os.ttyname(slave), silence_s=5.0)
    source = MicrocontrollerSource(config, LAYOUT)
    source.open()
    yield Port(master, source)
    source.close()
    os.close(slave)
    os.close(master)


def line(text: str) -> bytes:
    return f"{text}*{crc16(text.encode()):04X}\r\n".encode()


def inference(seq: int, output: bytes, inputs: bytes | None = None) -> bytes:
    sent = "" if inputs is None else f'"input":"{base64.b64encode(inputs).decode()}",'
    return line(f'{{"seq":{seq},{sent}"output":"{base64.b64encode(output).decode()}"}}')


def test_an_inference_becomes_a_vector(port: Port) -> None:
    port.send(inference(7, b"\x01\xff", b"\x02\x03\x80"))

    shot = port.source.read()

    assert isinstance(shot, Shot)
    assert shot.values.tolist() == [[1.0, 1.0, -1.0, 2.0, 3.0, -128.0]]
    assert shot.label == "seq 7"


def test_the_rest_of_a_line_that_began_before_us_is_left_out_in_silence(port: Port) -> None:
    port.send(b'"AAE="}*1234\r\n', inference(8, b"\x01\x02"))

    shot = port.source.read()

    assert isinstance(shot, Shot)
    assert shot.values[0, 0] == 0.0


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (b'{"seq":1,"output":"AQI="}*0000\n', "line says CRC 0000"),
        (b'{"seq":1,"output":"AQI="}\n', "line without"),
        (line('{"seq":1}'), "no inference: .*output"),
        (line('{"seq":"one","output":"AQI="}'), "no inference: .*seq"),
        (line('{"seq":1,"output":"A*I="}'), "no inference: "),
        (line("\x00\x7fnoise"), "no inference: "),
        (inference(1, b"\x01"), "output of 1 codes, the model gives 2"),
        (inference(1, b"\x01\x02", b"\x01"), "input of 1 codes, the model takes 3"),
    ],
)
def test_a_damaged_line_is_a_refusal_and_the_next_one_is_read(
    port: Port, bad: bytes, words: str
) -> None:
    port.send(inference(0, b"\x00\x00"))
    port.source.read()
    port.send(bad, inference(2, b"\x01\x02"))

    refusal, shot = port.source.read(), port.source.read()

    assert isinstance(refusal, Refusal)
    assert re.search(words, refusal.why), refusal.why
    assert isinstance(shot, Shot)


def test_silence_and_a_missing_port_are_source_errors(port: Port) -> None:
    port.source.close()
    quiet = MicrocontrollerSource(
        MicrocontrollerConfig(port=port.source._config.port, silence_s=0.01), LAYOUT
    )
    quiet.open()
    with pytest.raises(SourceError, match=r"no line for 0\.01 s"):
        quiet.read()
    quiet.close()
    gone = MicrocontrollerSource(MicrocontrollerConfig(port="/dev/no-such-port"), LAYOUT)
    with pytest.raises(SourceError, match="no-such-port"):
        gone.open()


def test_a_port_that_vanishes_is_a_source_error() -> None:
    master, slave = os.openpty()
    source = MicrocontrollerSource(MicrocontrollerConfig(port=os.ttyname(slave)), LAYOUT)
    source.open()
    os.close(slave)
    os.close(master)

    with pytest.raises(SourceError, match="serial /dev/pts"):
        source.read()
    source.close()


def test_without_pyserial_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "serial", None)
    source = MicrocontrollerSource(MicrocontrollerConfig(port="/dev/ttyACM0"), LAYOUT)

    with pytest.raises(SourceError, match=r"pip install 'edge-runtime\[serial\]'"):
        source.open()
