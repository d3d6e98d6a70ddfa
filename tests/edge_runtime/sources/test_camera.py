"""A camera through OpenCV, without one: what is refused, and a stream over a loopback socket."""

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_runtime.config.sources import CameraConfig
from edge_runtime.errors import SourceError
from edge_runtime.link import SourceState
from edge_runtime.sources import camera as camera_module
from edge_runtime.sources.camera import CameraSource
from edge_runtime.sources.camera_opening import set_jpeg
from edge_runtime.sources.freeze import WatchedSource
from edge_runtime.sources.protocol import Refusal, Shot
from tests.edge_runtime.sources.running import Running


@contextmanager
def serving(body: bytes, *, is_silent: bool = False) -> Iterator[int]:
    """Answer every connection with one HTTP body, or take it and say nothing."""
    server = socket.create_server(("127.0.0.1", 0))
    taken: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            taken.append(peer)
            if is_silent:
                continue
            peer.recv(4096)
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            peer.sendall(head.encode() + body)
            peer.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()
        for peer in taken:
            peer.close()


def test_a_device_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    source = CameraSource(CameraConfig(device=str(tmp_path / "video0")))

    with pytest.raises(SourceError, match=r"video0: no such device"):
        source.open()
    source.close()


def test_a_file_that_is_no_device_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "video0").write_bytes(b"")
    source = CameraSource(CameraConfig(device=str(tmp_path / "video0")))

    with pytest.raises(SourceError, match="cannot be opened"):
        source.open()


def test_a_stream_is_read_until_it_breaks_off(tmp_path: Path) -> None:
    video = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 20.0, (32, 16))
    for _ in range(3):
        writer.write(np.full((16, 32, 3), 200, np.uint8))
    writer.release()

    with serving(video.read_bytes()) as port:
        source = CameraSource(CameraConfig(url=f"http://127.0.0.1:{port}/a.avi"))
        source.open()
        shot = source.read()
        source.read()
        source.read()
        with pytest.raises(SourceError, match="delivers no frame"):
            source.read()
        source.close()

    assert isinstance(shot, Shot)
    assert shot.values.shape == (16, 32, 3)
    assert not source.is_lossless


def test_a_peer_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    with serving(b"", is_silent=True) as port:
        secret = tmp_path / "url"
        secret.write_text(f"rtsp://user:hush@127.0.0.1:{port}/stream\n", encoding="utf-8")
        source = CameraSource(CameraConfig(url_file=str(secret), open_timeout_s=0.5))

        with pytest.raises(SourceError) as caught:
            source.open()

    assert "hush" not in str(caught.value)
    assert "cannot be opened" in str(caught.value)


def test_a_password_in_the_url_is_not_shown() -> None:
    source = CameraSource(CameraConfig(url="rtsp://user:hush@127.0.0.1:1/s", open_timeout_s=0.5))

    with pytest.raises(SourceError, match=r"camera rtsp://127\.0\.0\.1:1/s: cannot be opened"):
        source.open()


def test_a_url_file_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="the secret cannot be read"):
        CameraSource(CameraConfig(url_file=str(tmp_path / "absent"))).open()


def test_without_opencv_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)

    with pytest.raises(SourceError, match=r"pip install 'edge-runtime\[camera\]'"):
        CameraSource(CameraConfig(url="rtsp://127.0.0.1:1/s")).open()


def write_video(path: Path, count: int, code: str = "MJPG") -> Path:
    """Write frames by OpenCV's FFmpeg, each another grey."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*code), 20, (64, 48))
    assert writer.isOpened()
    for number in range(count):
        writer.write(np.full((48, 64, 3), 5 * number % 250, np.uint8))
    writer.release()
    return path


def raw_jpegs(path: Path) -> cv2.VideoCapture:
    """What a V4L2 camera with MJPG hands out: each frame as the bytes of its JPEG."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    assert capture.set(cv2.CAP_PROP_FORMAT, -1)
    return capture


class Damaging:
    """A capture with a bad cable: cuts off every second JPEG."""

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self._capture = capture
        self._count = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._capture, name)

    def read(self) -> tuple[bool, object]:
        is_frame, data = self._capture.read()
        self._count += 1
        if is_frame and self._count % 2 == 0:
            data = data[:, :-8]
        return is_frame, data


def test_jpegs_that_are_passed_through_are_decoded_once_and_accounted_for(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", 40)
    source = CameraSource(CameraConfig(device="mjpg"), lambda _: raw_jpegs(path))

    with Running(source) as running:
        running.wait_for(SourceState.OFFLINE)  # the file ends: the camera is gone
        counters = running.settled()

    assert counters.captured % 40 == 0
    assert counters.inferred + counters.dropped["full"] == counters.captured
    assert {values.shape for values in running.values} == {(48, 64, 3)}
    assert "delivers no frame" in running.told[-1].why


def test_s3_a_jpeg_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", 4)
    source = CameraSource(CameraConfig(device="mjpg"), lambda _: Damaging(raw_jpegs(path)))
    source.open()

    readings = [source.read() for _ in range(4)]

    assert [type(reading) for reading in readings] == [Shot, Refusal, Shot, Refusal]
    assert "cut off after" in readings[1].why  # type: ignore[union-attr]
    source.close()


def test_s3_a_camera_of_too_many_pixels_is_refused_when_it_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(camera_module, "MAX_PIXELS", 3000)
    path = write_video(tmp_path / "a.avi", 2)

    with pytest.raises(SourceError, match="camera x: 64x48 pixels, allowed are 3000"):
        CameraSource(CameraConfig(device="x"), lambda _: raw_jpegs(path)).open()


def test_s2_a_camera_that_repeats_one_frame_is_frozen_and_opened_again(tmp_path: Path) -> None:
    still, moving = tmp_path / "still.avi", write_video(tmp_path / "moving.avi", 40)
    writer = cv2.VideoWriter(str(still), cv2.VideoWriter.fourcc(*"MJPG"), 20.0, (64, 48))
    for _ in range(30):
        writer.write(np.full((48, 64, 3), 77, np.uint8))
    writer.release()
    opened: list[Path] = []

    def open_capture(_: CameraConfig) -> cv2.VideoCapture:
        opened.append(still if len(opened) < 3 else moving)
        return raw_jpegs(opened[-1])

    with Running(
        WatchedSource(CameraSource(CameraConfig(device="x"), open_capture), 10)
    ) as running:
        running.wait(lambda: len(opened) > 3, "opened until it moves")
        running.wait(lambda: running.states[2:3] == [SourceState.ONLINE], "moving")
        counters = running.counters()

    assert running.states[:3] == [SourceState.ONLINE, SourceState.FROZEN, SourceState.ONLINE]
    assert running.told[1].why == "the same frame 10 times in a row"
    assert counters.dropped["frozen"] == 3  # one for each opening that found it frozen


def test_a_camera_is_asked_for_jpegs(tmp_path: Path) -> None:
    jpegs = cv2.VideoCapture(str(write_video(tmp_path / "a.avi", 2)), cv2.CAP_FFMPEG)
    other = cv2.VideoCapture(str(write_video(tmp_path / "a.mp4", 2, "mp4v")), cv2.CAP_FFMPEG)

    set_jpeg(jpegs, "x", is_needed=True)
    set_jpeg(other, "x", is_needed=False)

    assert jpegs.get(cv2.CAP_PROP_CONVERT_RGB) == 0
    with pytest.raises(SourceError, match="camera x: has no MJPG, which pixel_format asks for"):
        set_jpeg(other, "x", is_needed=True)


def test_a_pipeline_of_gstreamer_needs_an_opencv_that_has_it() -> None:
    has_it = cv2.CAP_GSTREAMER in cv2.videoio_registry.getBackends()
    message = "cannot be opened" if has_it else "this OpenCV is built without it"

    with pytest.raises(SourceError, match=message):
        CameraSource(CameraConfig(gstreamer="no-such-element ! appsink")).open()
