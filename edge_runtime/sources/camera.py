"""A camera through OpenCV: V4L2, an RTSP or HTTP stream, or a GStreamer pipeline."""

from collections.abc import Callable
from typing import Any

from edge_runtime.config.sources import CameraConfig
from edge_runtime.errors import FrameError, SourceError
from edge_runtime.sources.address import shown_url
from edge_runtime.sources.camera_opening import open_capture
from edge_runtime.sources.image_file import MAX_PIXELS, decode_image
from edge_runtime.sources.opencv import opencv
from edge_runtime.sources.protocol import Reading, Refusal, Shot


class CameraSource:
    """Live frames; only the newest one counts.

    `open_capture` is handed in; what it returns has the methods of `cv2.VideoCapture`.
    """

    is_lossless = False

    def __init__(
        self, config: CameraConfig, open_capture: Callable[[CameraConfig], Any] = open_capture
    ) -> None:
        self._config = config
        self._open_capture = open_capture
        self._capture: Any = None

    @property
    def rate_hz(self) -> float | None:
        """The configured rate; a camera's own word is not trusted."""
        return self._config.fps or None

    def open(self) -> None:
        """Open the camera, within `open_timeout_s` where the backend keeps to it."""
        self.close()
        cv2 = opencv()
        try:
            self._capture = self._open_capture(self._config)
        except cv2.error as error:
            raise SourceError(f"camera {self._place()}: cannot be opened") from error
        if not self._capture.isOpened():
            self.close()
            raise SourceError(f"camera {self._place()}: cannot be opened")
        width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        height = int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        if width * height > MAX_PIXELS:
            raise SourceError(
                f"camera {self._place()}: {width}x{height} pixels, allowed are {MAX_PIXELS}"
            )
        for _ in range(self._config.flush):
            self._capture.grab()

    def read(self) -> Reading:
        """Return the next frame as soon as the camera has it.

        A camera that hands out JPEGs as they are has each decoded once, here, after its header
        was looked at; a damaged one is refused.
        """
        try:
            is_frame, image = self._capture.read()
        except opencv().error as error:
            raise SourceError(f"camera {self._place()}: {' '.join(str(error).split())}") from error
        if not is_frame or image is None:
            raise SourceError(f"camera {self._place()}: delivers no frame")
        if image.ndim == 3 and image.shape[0] > 1:
            return Shot(image)
        try:
            return Shot(decode_image(image.tobytes()))
        except FrameError as error:
            return Refusal(str(error))

    def close(self) -> None:
        """Let go of the device."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _place(self) -> str:
        """Return where the camera is, without user and password."""
        config = self._config
        if config.url_file is not None or config.url is not None:
            return shown_url(config.url, config.url_file)
        return str(config.device if config.device is not None else "(GStreamer)")
