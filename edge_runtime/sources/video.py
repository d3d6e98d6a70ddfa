"""A video file through OpenCV, paced as a camera would be."""

from pathlib import Path
from typing import Any

from edge_runtime.config.sources import VideoConfig
from edge_runtime.errors import SourceError
from edge_runtime.sources.opencv import opencv
from edge_runtime.sources.protocol import End, Reading, Shot

MAX_OWN_FPS = 1000.0


class VideoSource:
    """Frames of a file, at its own rate unless told another."""

    def __init__(self, config: VideoConfig) -> None:
        self._config = config
        self._capture: Any = None
        self._fps = config.fps or 0.0
        self._delivered = 0
        self._in_this_round = 0

    @property
    def is_lossless(self) -> bool:
        """Paced frames are replaced by newer ones, as a camera's are; unpaced ones wait."""
        return self._config.fps == 0

    @property
    def rate_hz(self) -> float | None:
        """The configured rate, or the file's own."""
        return self._fps or None

    def open(self) -> None:
        """Open the file at its start."""
        path = self._config.path
        if not Path(path).is_file():
            raise SourceError(f"{path}: no such file")
        self._capture = opencv().VideoCapture(path)
        if not self._capture.isOpened():
            raise SourceError(f"{path}: not a video that OpenCV reads")
        if self._config.fps is None:
            self._fps = self._own_fps()
        self._in_this_round = 0

    def read(self) -> Reading:
        """Return the next frame."""
        is_frame, image = self._capture.read()
        if is_frame:
            due_s = self._delivered / self._fps if self._fps else None
            self._delivered += 1
            self._in_this_round += 1
            return Shot(image, due_s=due_s)
        if not self._config.loop:
            return End()
        if self._in_this_round == 0:
            raise SourceError(f"{self._config.path}: holds no frame")
        self.close()
        self.open()
        return self.read()

    def close(self) -> None:
        """Close the file."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _own_fps(self) -> float:
        """Return the rate that the file declares; it must say one to be paced by it."""
        fps = float(self._capture.get(opencv().CAP_PROP_FPS))
        if not 0 < fps <= MAX_OWN_FPS:
            raise SourceError(f"{self._config.path}: declares {fps} frames a second; set fps")
        return fps
