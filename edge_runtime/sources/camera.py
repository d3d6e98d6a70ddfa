"""A camera through OpenCV: V4L2, an RTSP or HTTP stream, or a GStreamer pipeline."""

import os
import re
from pathlib import Path
from typing import Any

from edge_runtime.config import CameraConfig, read_secret
from edge_runtime.errors import ConfigError, SourceError
from edge_runtime.sources.opencv import opencv
from edge_runtime.sources.protocol import Reading, Shot

_CREDENTIALS = re.compile(r"//[^/@\s]*@")


class CameraSource:
    """Live frames; only the newest one counts."""

    is_lossless = False

    def __init__(self, config: CameraConfig) -> None:
        self._config = config
        self._capture: Any = None

    @property
    def rate_hz(self) -> float | None:
        """The configured rate; a camera's own word is not trusted."""
        return self._config.fps or None

    def open(self) -> None:
        """Open the camera, within `open_timeout_s` where the backend keeps to it."""
        self.close()
        try:
            self._capture = self._open_capture()
        except opencv().error as error:
            raise SourceError(f"camera {self._place()}: cannot be opened") from error
        if not self._capture.isOpened():
            self.close()
            raise SourceError(f"camera {self._place()}: cannot be opened")
        for _ in range(self._config.flush):
            self._capture.grab()

    def read(self) -> Reading:
        """Return the next frame as soon as the camera has it."""
        try:
            is_frame, image = self._capture.read()
        except opencv().error as error:
            raise SourceError(f"camera {self._place()}: {' '.join(str(error).split())}") from error
        if not is_frame or image is None:
            raise SourceError(f"camera {self._place()}: delivers no frame")
        return Shot(image)

    def close(self) -> None:
        """Let go of the device."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _open_capture(self) -> Any:
        cv2, config = opencv(), self._config
        if config.gstreamer is not None:
            return cv2.VideoCapture(config.gstreamer, cv2.CAP_GSTREAMER)
        if config.device is not None:
            return self._open_device(cv2, config.device)
        # OpenCV has no property for this; its FFmpeg backend reads the variable when it opens.
        os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = f"rtsp_transport;{config.transport}"
        settings = [
            *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(config.open_timeout_s * 1e3)),
            *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(config.read_timeout_s * 1e3)),
        ]
        return cv2.VideoCapture(self._url(), cv2.CAP_FFMPEG, settings)

    def _open_device(self, cv2: Any, device: str | int) -> Any:
        if isinstance(device, str) and not Path(device).exists():
            raise SourceError(f"camera {device}: no such device")
        capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
        wishes = (
            (cv2.CAP_PROP_FRAME_WIDTH, self._config.width),
            (cv2.CAP_PROP_FRAME_HEIGHT, self._config.height),
            (cv2.CAP_PROP_FPS, self._config.fps),
            (cv2.CAP_PROP_BUFFERSIZE, 1),
        )
        for key, value in wishes:
            if value:
                capture.set(key, value)
        return capture

    def _url(self) -> str:
        if self._config.url is not None:
            return self._config.url
        try:
            return read_secret(Path(self._config.url_file or ""))
        except ConfigError as error:
            raise SourceError(str(error)) from error

    def _place(self) -> str:
        """Return where the camera is, without user and password."""
        config = self._config
        if config.url_file is not None:
            return config.url_file
        if config.url is not None:
            return _CREDENTIALS.sub("//", config.url)
        return str(config.device if config.device is not None else "(GStreamer)")
