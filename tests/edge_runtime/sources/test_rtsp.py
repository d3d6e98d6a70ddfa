"""A network camera: GStreamer's RTSP server, which is killed, stopped and started again."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_runtime.config.sources import CameraConfig
from edge_runtime.link import SourceState
from edge_runtime.sources.camera import CameraSource
from edge_runtime.sources.freeze import WatchedSource
from tests.conftest import SYSTEM_PYTHON
from tests.edge_runtime.sources.running import Running

pytestmark = pytest.mark.rtsp
SCRIPT = Path(__file__).with_name("rtsp_server.py")


class RtspServer:
    def __init__(self) -> None:
        self.port = "0"
        self.process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [SYSTEM_PYTHON, str(SCRIPT), self.port], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.port = self.process.stdout.readline().strip()
        assert self.port.isdigit()

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process is not None and self.process.stdout is not None:
            self.process.kill()
            self.process.wait(10)
            self.process.stdout.close()
            self.process = None


@pytest.fixture
def server() -> Iterator[RtspServer]:
    made = RtspServer()
    yield made
    made.kill()


def running_on(server: RtspServer, transport: str = "tcp") -> Running:
    url = f"rtsp://127.0.0.1:{server.port}/ball"
    config = CameraConfig(url=url, transport=transport, open_timeout_s=3, read_timeout_s=2, fps=20)
    return Running(WatchedSource(CameraSource(config), config.frozen_after))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_every_frame_of_the_stream_is_accounted_for(server: RtspServer, transport: str) -> None:
    with running_on(server, transport) as running:
        running.wait_frames(40)

    counters = running.counters()
    assert counters.captured - counters.in_flight == counters.inferred + counters.dropped["full"]
    assert {values.shape for values in running.values} == {(120, 160, 3)}
    assert running.states == [SourceState.ONLINE]


def test_s1_a_server_that_dies_is_found_again(server: RtspServer) -> None:
    with running_on(server) as running:
        running.wait_frames(5)
        server.kill()
        running.wait_for(SourceState.OFFLINE)
        server.start()
        running.wait_for(SourceState.ONLINE)

    assert f"rtsp://127.0.0.1:{server.port}/ball" in running.told[1].why


def test_s2_a_server_that_stops_answering_is_released_and_opened_again(server: RtspServer) -> None:
    with running_on(server) as running:
        running.wait_frames(5)
        server.signal(signal.SIGSTOP)  # its sockets stay open, and nothing comes any more
        running.wait_for(SourceState.OFFLINE)
        seen = len(running.frames)
        server.signal(signal.SIGCONT)
        running.wait_for(SourceState.ONLINE)
        running.wait_frames(seen + 5)

    assert running.monitor.reconnects >= 1
