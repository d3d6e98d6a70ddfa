"""A CSI camera through a stand-in for picamera2, which no package index has: a Pi is needed.

What is shown here is our half: how the library is called, and what becomes of what it says.
"""

import sys
import time
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest

from edge_runtime.config.sources import PicameraConfig
from edge_runtime.errors import SourceError, SourceSpentError
from edge_runtime.sources import picamera
from edge_runtime.sources.picamera import PicameraSource
from edge_runtime.sources.protocol import Quiet, Shot
from tests.edge_runtime.sources.running import Running

NOW_S = 1000.0


class Request:
    def __init__(self, number: int, stamp_ns: int | None) -> None:
        self.number, self.stamp_ns, self.released = number, stamp_ns, 0

    def make_array(self, name: str) -> np.ndarray:
        assert name == "main"
        return np.full((4, 6, 3), self.number % 256, np.uint8)

    def get_metadata(self) -> dict[str, int]:
        return {} if self.stamp_ns is None else {"SensorTimestamp": self.stamp_ns}

    def release(self) -> None:
        self.released += 1


class Job:
    def __init__(self, future: Future[Request]) -> None:
        self._future = future

    def get_result(self, timeout: float) -> Request:
        return self._future.result(timeout)


class Stand:
    """Does what picamera2's class does for us; `delivers` False hangs as a stuck sensor does."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.requests: list[Request] = []
        self.delivers = True
        self.fails: Exception | None = None
        self.age_s: float | None = 0.02

    def __call__(self, index: int) -> "Stand":
        self.calls.append(("open", index))
        if index > 0:
            raise IndexError("list index out of range")
        return self

    def create_video_configuration(self, **keys: Any) -> dict[str, Any]:
        return keys

    def configure(self, settings: dict[str, Any]) -> None:
        self.calls.append(settings)

    def start(self) -> None:
        self.calls.append("start")

    def close(self) -> None:
        self.calls.append("close")

    def capture_request(self, wait: bool) -> Job:
        assert not wait
        future: Future[Request] = Future()
        if self.fails is not None:
            future.set_exception(self.fails)
        elif self.delivers:
            stamp = None if self.age_s is None else int((NOW_S - self.age_s) * 1e9)
            self.requests.append(Request(len(self.requests), stamp))
            future.set_result(self.requests[-1])
        return Job(future)


def source(stand: Stand, **keys: Any) -> PicameraSource:
    return PicameraSource(PicameraConfig(**keys), lambda: stand, lambda: NOW_S)


def test_the_camera_is_set_up_as_configured() -> None:
    stand = Stand()
    source(stand, width=640, height=480, fps=15).open()

    assert stand.calls == [
        ("open", 0),
        {
            "main": {"size": (640, 480), "format": "RGB888"},
            "buffer_count": 4,
            "controls": {"FrameRate": 15},
        },
        "start",
    ]


@pytest.mark.parametrize(
    ("age_s", "expected_s"), [(0.02, 0.02), (None, 0.0), (-5.0, 0.0), (500.0, 0.0)]
)
def test_a_frame_is_as_old_as_its_sensor_says(age_s: float | None, expected_s: float) -> None:
    stand = Stand()
    stand.age_s = age_s
    made = source(stand)
    made.open()

    shot = made.read()

    assert isinstance(shot, Shot)
    assert shot.age_s == pytest.approx(expected_s, abs=1e-6)
    assert stand.requests[0].released == 1


def test_the_age_reaches_the_frames_timestamps() -> None:
    stand = Stand()
    stand.age_s = 5.0
    with Running(source(stand)) as running:
        running.wait_frames(1)
        now_s = time.monotonic()

    assert now_s - running.frames[0].ref.captured_monotonic_s >= 5.0
    assert all(request.released == 1 for request in stand.requests)


def test_s2_a_camera_that_hangs_is_quiet_and_asked_only_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(picamera, "WAIT_S", 0.01)
    stand = Stand()
    made = source(stand)
    made.open()
    stand.delivers = False

    assert isinstance(made.read(), Quiet)
    job = made._job
    assert isinstance(made.read(), Quiet)
    assert made._job is job


def test_s2_a_hung_camera_ends_the_process_which_a_fresh_one_replaces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(picamera, "WAIT_S", 0.01)
    stand = Stand()
    with Running(source(stand), stall_after_s=0.2) as running:
        running.wait_frames(1)
        stand.delivers = False
        running.wait(lambda: running.control.failure is not None, "the process gives up")

    assert running.control.failure == "picamera 0: a fresh process has to open it"
    assert [state.value for state in running.states] == ["online", "stalled"]
    assert stand.calls.count(("open", 0)) == 1
    assert stand.calls[-1] == "close"


def test_a_failed_capture_is_a_lost_camera() -> None:
    stand = Stand()
    made = source(stand)
    made.open()
    stand.fails = RuntimeError("camera frontend has timed out")

    with pytest.raises(SourceError, match="picamera 0: camera frontend has timed out"):
        made.read()
    made.close()
    with pytest.raises(SourceSpentError):
        made.open()


def test_a_camera_that_is_not_there_is_said() -> None:
    with pytest.raises(SourceError, match="picamera 3: list index out of range"):
        source(Stand(), index=3).open()


def test_without_the_systems_package_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(SourceError, match="apt install python3-picamera2"):
        PicameraSource(PicameraConfig()).open()
