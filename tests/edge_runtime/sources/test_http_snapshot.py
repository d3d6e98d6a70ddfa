"""Pictures from a real HTTP server on loopback, well-behaved and otherwise."""

import base64
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_runtime.config.sources import HttpConfig
from edge_runtime.errors import SourceError
from edge_runtime.link import SourceState
from edge_runtime.sources.http_snapshot import HttpSource
from edge_runtime.sources.protocol import Partial, Quiet, Reading, Refusal, Shot
from tests.edge_runtime.sources.running import Running

Answer = Callable[[BaseHTTPRequestHandler], None]


def picture(grey: int) -> bytes:
    return bytes(cv2.imencode(".jpg", np.full((12, 16, 3), grey, np.uint8))[1])


class Camera:
    """Answers each request by `answer`; `seen` are the requests' headers."""

    def __init__(self) -> None:
        self.seen: list[dict[str, str]] = []
        self.answer: Answer = lambda handler: send(handler, picture(len(self.seen) % 256))
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera.seen.append(dict(self.headers))
                try:
                    camera.answer(self)
                except OSError:  # the client has hung up
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = False
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for key, value in headers.items():
        handler.send_header(key.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def camera() -> Iterator[Camera]:
    made = Camera()
    yield made
    made.close()


def source(camera: Camera, **keys: object) -> HttpSource:
    keys = {"interval_s": 0.02, "url": f"http://127.0.0.1:{camera.port}/snap.jpg", **keys}
    made = HttpSource(HttpConfig(**keys))
    made.open()
    return made


def read(made: HttpSource) -> Reading:
    while isinstance(reading := made.read(), Quiet):
        pass
    return reading


def test_every_picture_is_accounted_for(camera: Camera) -> None:
    with Running(source(camera)) as running:
        running.wait_frames(30)

    counters = running.counters()
    assert counters.captured == len(camera.seen)
    assert counters.captured - counters.in_flight == counters.inferred + counters.dropped["full"]
    assert {values.shape for values in running.values} == {(12, 16, 3)}


def test_a_picture_that_is_unchanged_is_not_fetched_again(camera: Camera) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.headers.get("If-None-Match") == '"7"':
            send(handler, b"", 304)
        else:
            send(handler, picture(7), ETag='"7"', Last_Modified="Wed, 01 Jan 2020 00:00:00 GMT")

    camera.answer = answer
    made = source(camera)

    first, second = read(made), read(made)

    assert isinstance(first, Shot)
    assert isinstance(second, Partial)
    assert camera.seen[1]["If-Modified-Since"] == "Wed, 01 Jan 2020 00:00:00 GMT"


def huge_header() -> bytes:
    """A JPEG whose start-of-frame segment says 20000x20000."""
    data = bytearray(picture(3))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = (20_000).to_bytes(2, "big") * 2
    return bytes(data)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (picture(9)[:-30], "a JPEG that is cut off after"),
        (huge_header(), "20000x20000 pixels, allowed are"),
        (b"<html>no</html>", "allowed are PNG, JPEG"),
        (b"", "allowed are PNG, JPEG"),
        (picture(1) + b"\0" * 5000, "a picture of more than 4096 bytes"),
        (b"\xff\xd8\xff\xd9", "damaged header"),
    ],
)
def test_s3_what_is_no_picture_is_refused(camera: Camera, body: bytes, why: str) -> None:
    camera.answer = lambda handler: send(handler, body)

    reading = read(source(camera, max_bytes=4096))

    assert isinstance(reading, Refusal)
    assert why in reading.why


def test_s3_a_camera_that_sends_rubbish_is_garbled_until_it_does_not(camera: Camera) -> None:
    good = camera.answer
    with Running(source(camera)) as running:
        running.wait_for(SourceState.ONLINE)
        camera.answer = lambda handler: send(handler, picture(9)[:-30])
        running.wait_for(SourceState.GARBLED)
        camera.answer = good
        running.wait_for(SourceState.ONLINE)
        counters = running.counters()

    assert counters.dropped["invalid"] >= 11
    assert "cut off" in running.told[1].why


def test_s1_an_error_is_a_lost_camera_that_comes_back(camera: Camera) -> None:
    good = camera.answer
    with Running(source(camera)) as running:
        running.wait_for(SourceState.ONLINE)
        camera.answer = lambda handler: send(handler, b"", 503)
        running.wait_for(SourceState.OFFLINE)
        camera.answer = good
        running.wait_for(SourceState.ONLINE)

    assert running.told[1].why.endswith("/snap.jpg: answers 503")


def test_s2_a_camera_that_says_nothing_is_given_up_in_time(camera: Camera) -> None:
    release = threading.Event()
    camera.answer = lambda _handler: release.wait(20) and None

    with pytest.raises(SourceError, match="timed out"):
        read(source(camera, timeout_s=0.2))
    release.set()


def test_s2_a_camera_that_drips_is_given_up_in_time(camera: Camera) -> None:
    release = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not release.wait(0.02):
            handler.wfile.write(b"\xff")

    camera.answer = drip

    with pytest.raises(SourceError, match=r"slower than 0\.3 s"):
        read(source(camera, timeout_s=0.3))
    release.set()


def test_nobody_at_the_address_is_said(camera: Camera) -> None:
    made = source(camera, url="http://user:hush@127.0.0.1:1/snap.jpg")

    with pytest.raises(SourceError) as caught:
        read(made)

    assert "http http://127.0.0.1:1/snap.jpg: " in str(caught.value)
    assert "refused" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_user_and_password_come_from_the_file(camera: Camera, tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text(f"http://me:hush@127.0.0.1:{camera.port}/snap.jpg\n", encoding="utf-8")
    wanted = "Basic " + base64.b64encode(b"me:hush").decode()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.headers.get("Authorization") == wanted:
            send(handler, picture(1))
        else:
            send(handler, b"", 401, WWW_Authenticate='Basic realm="camera"')

    camera.answer = answer

    assert isinstance(read(source(camera, url=None, url_file=str(secret))), Shot)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirect_away_from_http_is_refused(camera: Camera, target: str) -> None:
    camera.answer = lambda handler: send(handler, b"", 302, Location=target)

    with pytest.raises(SourceError, match="answers 302"):
        read(source(camera))


def test_a_redirect_to_another_picture_is_followed(camera: Camera) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.path == "/snap.jpg":
            send(handler, b"", 302, Location="/other.jpg")
        else:
            send(handler, picture(5))

    camera.answer = answer

    assert isinstance(read(source(camera)), Shot)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "rtsp://camera/x", "snap.jpg"])
def test_an_address_that_is_not_http_is_refused(camera: Camera, url: str) -> None:
    with pytest.raises(SourceError, match="has to begin with http"):
        source(camera, url=url)


def test_the_rate_is_that_of_the_requests(camera: Camera) -> None:
    made = source(camera, interval_s=4)

    assert made.rate_hz == 0.25
    assert isinstance(read(made), Shot)
    assert isinstance(made.read(), Quiet)
