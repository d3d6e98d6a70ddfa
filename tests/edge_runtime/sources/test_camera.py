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

from edge_runtime.config import CameraConfig
from edge_runtime.errors import SourceError
from edge_runtime.sources.camera import CameraSource
from edge_runtime.sources.protocol import Shot


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
