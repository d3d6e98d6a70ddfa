"""A network camera on loopback: JPEG frames at a fixed rate over HTTP, that go dark and bright.

It knows when it first sent each change, so the time until a prediction tells of it can be measured.
"""

import itertools
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np

SIZE = (240, 320, 3)
PICTURES = 16  # of each, or the camera would seem to be frozen
CHANGE_S = 1.5
JITTER_S = 0.5  # or the changes would keep step with the frames


class MjpegCamera:
    """Serves any number of clients, each paced by itself, as cameras do.

    Attributes:
        changes: (monotonic seconds when its first frame was sent, "dark" or "bright").
    """

    def __init__(self, rate_hz: float) -> None:
        self.changes: list[tuple[float, str]] = []
        self._rate_hz = rate_hz
        self._stop = threading.Event()
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Send frames until the client goes."""
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                camera.film(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/camera.mjpg"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def film(self, client: BaseHTTPRequestHandler) -> None:
        """Send frames at the rate; a client that does not read holds the camera up, as TCP does."""
        rng = np.random.default_rng(3)
        levels = (("dark", 40), ("bright", 215))
        pictures = {
            name: itertools.cycle([_jpeg(level, rng) for _ in range(PICTURES)])
            for name, level in levels
        }
        self.changes.clear()  # of who only looked whether there is a camera
        now, shown = time.monotonic(), "dark"
        next_frame_s, change_s = now, now + CHANGE_S
        try:
            while not self._stop.is_set():
                is_new = now >= change_s
                if is_new:
                    shown = "bright" if shown == "dark" else "dark"
                    change_s = now + CHANGE_S + rng.uniform(0, JITTER_S)
                sent_s = time.monotonic()
                client.wfile.write(next(pictures[shown]))
                if is_new:
                    self.changes.append((sent_s, shown))
                next_frame_s += 1 / self._rate_hz
                time.sleep(max(0.0, next_frame_s - time.monotonic()))
                now = time.monotonic()
        except OSError:
            return

    def close(self) -> None:
        """End all streams."""
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()


def _jpeg(level: int, rng: np.random.Generator) -> bytes:
    image = np.clip(level + rng.integers(-4, 5, SIZE), 0, 255).astype(np.uint8)
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data + b"\r\n"
