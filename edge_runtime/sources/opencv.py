"""OpenCV, imported only where images are used."""

import os
from typing import Any

from edge_runtime.errors import SourceError

_FFMPEG_QUIET = "-8"


def opencv() -> Any:
    """Return the `cv2` module, silent on stderr: a camera that is away is said once, by us.

    Raises:
        SourceError: It is not installed.
    """
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # read by the first import
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", _FFMPEG_QUIET)  # read when a stream opens
    try:
        import cv2  # noqa: PLC0415 (heavy, and an extra)
    except ImportError as error:
        raise SourceError(
            "images and cameras need OpenCV: pip install 'edge-runtime[camera]'"
        ) from error
    return cv2
