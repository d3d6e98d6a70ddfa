"""Samples as pictures: small PNG files inside of the page."""

import base64
import struct
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantize.ir.graph import Array

MAX_SIDE_PX = 96
LEAST_SIDE_PX = 6  # what is smaller is no picture
_COLOUR_TYPES = {1: 0, 3: 2}  # channels: PNG's greyscale, RGB


@dataclass(frozen=True, slots=True)
class Shades:
    """How a tensor's values become pixels: `low` is black, `high` white; BGR or RGB."""

    low: float
    high: float
    is_bgr: bool = False


def is_picture(shape: tuple[int, ...]) -> bool:
    """Tell whether samples of an input (1, H, W, C) can be looked at."""
    return len(shape) == 4 and shape[3] in _COLOUR_TYPES and min(shape[1:3]) >= LEAST_SIDE_PX


def picture_uri(sample: Array, shades: Shades) -> str:
    """Return a sample (H, W, C) as a data URI of a PNG, every nth pixel where it is large."""
    png = png_bytes(pixels(sample, shades))
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def pixels(sample: Array, shades: Shades) -> npt.NDArray[np.uint8]:
    """Return a sample (H, W, C) as (H, W, C) uint8 of at most 96 a side."""
    stride = -(-max(sample.shape[:2]) // MAX_SIDE_PX)
    values = sample[::stride, ::stride].astype(np.float64)
    width = (shades.high - shades.low) or 1.0
    grey = np.clip(np.rint((values - shades.low) / width * 255), 0, 255).astype(np.uint8)
    return grey[:, :, ::-1] if shades.is_bgr else grey


def png_bytes(image: npt.NDArray[np.uint8]) -> bytes:
    """Return a PNG file of an image (H, W, 1 or 3).

    Source: Portable Network Graphics, third edition (W3C), sections 5 and 11.
    """
    height, width, channels = image.shape
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    rows = image.reshape(height, width * channels)
    unfiltered = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1)
    packed = zlib.compress(np.ascontiguousarray(unfiltered).tobytes(), 9)
    parts = ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
