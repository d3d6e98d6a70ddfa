"""Images and arrays from files, refused by their header before anything big is decoded."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import FrameError
from edge_runtime.sources.opencv import opencv

MAX_FILE_BYTES = 64 << 20
MAX_PIXELS = 50_000_000
_JPEG = b"\xff\xd8"
_END_OF_IMAGE = b"\xff\xd9"
_PADDING_BYTES = 4096  # cameras pad a frame with zeros up to their buffer's size
_START_OF_FRAME = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


def read_frame_file(path: Path) -> npt.NDArray[Any]:
    """Return an image as (H, W, 3) uint8 BGR, or the array of a `.npy` file.

    Raises:
        FrameError: Unreadable, too large, damaged, or not what its name says.
    """
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise FrameError(f"{path.name}: {size} bytes, allowed are {MAX_FILE_BYTES}")
        return _read_array(path) if path.suffix == ".npy" else _read_image(path)
    except OSError as error:
        raise FrameError(f"{path.name}: {error.strerror or error}") from error


def decode_image(data: bytes) -> npt.NDArray[np.uint8]:
    """Return an image as (H, W, 3) uint8 BGR; its size is looked at before it is decoded.

    Raises:
        FrameError: Another format, more than MAX_PIXELS, damaged or cut off.
    """
    width, height = image_size(data)
    if not 0 < width * height <= MAX_PIXELS:
        raise FrameError(f"{width}x{height} pixels, allowed are {MAX_PIXELS}")
    if _is_cut_off(data):
        raise FrameError(f"a JPEG that is cut off after {len(data)} bytes")
    cv2 = opencv()
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise FrameError("cannot be decoded") from error
    if image is None:
        raise FrameError("cannot be decoded")
    pixels: npt.NDArray[np.uint8] = image
    return pixels


def image_size(data: bytes) -> tuple[int, int]:
    """Return (width, height) as the header of a PNG, JPEG, BMP or PGM/PPM image says.

    Raises:
        FrameError: Another format, or a damaged header.
    """
    readers: tuple[tuple[bytes, Callable[[bytes], tuple[int, int]]], ...] = (
        (b"\x89PNG\r\n\x1a\n", _png_size),
        (_JPEG, _jpeg_size),
        (b"BM", _bmp_size),
        (b"P5", _pnm_size),
        (b"P6", _pnm_size),
    )
    for magic, reader in readers:
        if data.startswith(magic):
            try:
                return reader(data)
            except (struct.error, IndexError, ValueError) as error:
                raise FrameError("image with a damaged header") from error
    raise FrameError("allowed are PNG, JPEG, BMP, PGM and PPM images")


def _read_image(path: Path) -> npt.NDArray[np.uint8]:
    try:
        return decode_image(path.read_bytes())
    except FrameError as error:
        raise FrameError(f"{path.name}: {error}") from error


def _is_cut_off(data: bytes) -> bool:
    """Return whether a JPEG lacks its end; decoders fill the rest with grey and say nothing."""
    return data.startswith(_JPEG) and _END_OF_IMAGE not in data[-_PADDING_BYTES:]


def _read_array(path: Path) -> npt.NDArray[Any]:
    try:
        # Mapped first: a header that promises more than the file holds allocates nothing.
        return np.array(np.load(path, mmap_mode="r", allow_pickle=False))
    except (ValueError, EOFError) as error:
        raise FrameError(f"{path.name}: not a plain .npy array") from error


def _png_size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _bmp_size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<ii", data, 18)
    return abs(width), abs(height)


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Return the size that the first start-of-frame segment says."""
    at = 2
    while True:
        marker, length = struct.unpack_from(">HH", data, at)
        if marker >> 8 != 0xFF or length < 2:
            raise ValueError("no marker")
        if marker & 0xFF in _START_OF_FRAME:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 + length


def _pnm_size(data: bytes) -> tuple[int, int]:
    lines = (line.partition(b"#")[0] for line in data[2:256].splitlines())
    words = b" ".join(lines).split()
    return int(words[0]), int(words[1])
