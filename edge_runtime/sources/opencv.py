"""OpenCV, imported only where images are used."""

from typing import Any

from edge_runtime.errors import SourceError


def opencv() -> Any:
    """Return the `cv2` module, silent on stderr.

    Raises:
        SourceError: It is not installed.
    """
    try:
        import cv2  # noqa: PLC0415 (heavy, and an extra)
    except ImportError as error:
        raise SourceError(
            "images and cameras need OpenCV: pip install 'edge-runtime[camera]'"
        ) from error
    return cv2
