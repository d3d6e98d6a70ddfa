"""Opens what a camera's configuration names with the OpenCV backend that suits it."""

import os
from pathlib import Path
from typing import Any

from edge_runtime.config.sources import CameraConfig
from edge_runtime.errors import SourceError
from edge_runtime.sources.address import read_url
from edge_runtime.sources.opencv import opencv


def open_capture(config: CameraConfig) -> Any:
    """Return a `cv2.VideoCapture`, open or not.

    Raises:
        SourceError: No such device, a backend that this OpenCV lacks, a url that cannot be read.
    """
    if config.gstreamer is not None:
        return _open_gstreamer(config.gstreamer)
    if config.device is not None:
        return _open_device(config, config.device)
    return _open_stream(config)


def _open_gstreamer(pipeline: str) -> Any:
    cv2 = opencv()
    if cv2.CAP_GSTREAMER not in cv2.videoio_registry.getBackends():
        raise SourceError(
            "camera (GStreamer): this OpenCV is built without it; the system's python3-opencv has "
            "it, the wheels from PyPI have not"
        )
    return cv2.VideoCapture(pipeline, cv2.CAP_GSTREAMER)


def _open_stream(config: CameraConfig) -> Any:
    """Return a network stream with both time-outs; FFmpeg by name, or they would be ignored."""
    cv2 = opencv()
    # OpenCV has no property for this; its FFmpeg backend reads the variable when it opens.
    os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = f"rtsp_transport;{config.transport}"
    settings = [
        *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(config.open_timeout_s * 1e3)),
        *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(config.read_timeout_s * 1e3)),
    ]
    return cv2.VideoCapture(read_url(config.url, config.url_file), cv2.CAP_FFMPEG, settings)


def _open_device(config: CameraConfig, device: str | int) -> Any:
    cv2 = opencv()
    if isinstance(device, str) and not Path(device).exists():
        raise SourceError(f"camera {device}: no such device")
    capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
    # The format first: what sizes and rates there are depends on it.
    if config.pixel_format != "raw":
        set_jpeg(capture, device, is_needed=config.pixel_format == "mjpg")
    wishes = (
        (cv2.CAP_PROP_FRAME_WIDTH, config.width),
        (cv2.CAP_PROP_FRAME_HEIGHT, config.height),
        (cv2.CAP_PROP_FPS, config.fps),
        (cv2.CAP_PROP_BUFFERSIZE, 1),
    )
    for key, value in wishes:
        if value:
            capture.set(key, value)
    return capture


def set_jpeg(capture: Any, device: str | int, *, is_needed: bool) -> None:
    """Ask a camera for JPEGs, handed out as they are; far more frames fit through USB.

    Raises:
        SourceError: It has none, and they are needed.
    """
    cv2 = opencv()
    code = cv2.VideoWriter.fourcc(*"MJPG")
    capture.set(cv2.CAP_PROP_FOURCC, code)
    if int(capture.get(cv2.CAP_PROP_FOURCC)) == code:
        capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
    elif is_needed and capture.isOpened():
        raise SourceError(f"camera {device}: has no MJPG, which pixel_format asks for")
