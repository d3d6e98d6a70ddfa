"""Resampling: which pixels a resized image looks at, and in which shares.

Float32 arithmetic is that of the reference kernels, rounding by rounding: an index must not differ.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantize.ir.moving_ops import ResizeMode

FRACTION_BITS = 10  # of a place between two pixels

# ONNX's nearest_mode that means what TFLite does in each mode.
ONNX_ROUNDING = {
    ResizeMode.ASYMMETRIC: "floor",
    ResizeMode.HALF_PIXEL: "round_prefer_ceil",
    ResizeMode.ALIGN_CORNERS: "round_prefer_ceil",
}

_Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where each pixel of the output lies between two pixels of the input, along one axis.

    Attributes:
        low: Index of the pixel before.
        high: Index of the pixel behind; both are alike at an edge.
        fraction: How far behind `low`, in 2**-10 pixels; at the upper edge it may be negative.
    """

    low: _Indices
    high: _Indices
    fraction: _Indices


def nearest_indices(size: int, wanted: int, mode: ResizeMode) -> _Indices:
    """Return which of `size` pixels each of `wanted` pixels copies.

    Source: TFLite `GetNearestNeighbor` (reference/resize_nearest_neighbor.h).
    """
    places = np.arange(wanted).astype(np.float32)
    scale = np.float32(size) / np.float32(wanted)
    if mode is ResizeMode.ALIGN_CORNERS:
        if wanted > 1:
            scale = np.float32(size - 1) / np.float32(wanted - 1)
        indices = np.floor((places * scale).astype(np.float64) + 0.5)
    elif mode is ResizeMode.HALF_PIXEL:
        indices = np.floor((places + np.float32(0.5)) * scale)
    else:
        indices = np.floor(places * scale)
    return np.clip(indices.astype(np.int64), 0, size - 1)


def onnx_nearest_indices(
    size: int, wanted: int, transformation: str, rounding: str
) -> _Indices | None:
    """Return what ONNX's Resize copies, None for a mode that is not known here.

    Source: ONNX's operator Resize; float32 as ONNX Runtime computes it.
    """
    places = np.arange(wanted).astype(np.float32)
    scale, half = np.float32(wanted) / np.float32(size), np.float32(0.5)
    match transformation:
        case "asymmetric":
            places = places / scale
        case "half_pixel":
            places = (places + half) / scale - half
        case "pytorch_half_pixel":
            places = (places + half) / scale - half if wanted > 1 else np.zeros_like(places)
        case "align_corners":
            places = places * np.float32(size - 1) / np.float32(max(wanted - 1, 1))
        case _:
            return None
    rounded = _rounded(places, rounding)
    return None if rounded is None else np.clip(rounded.astype(np.int64), 0, size - 1)


def _rounded(places: npt.NDArray[np.float32], rounding: str) -> npt.NDArray[np.float32] | None:
    half = np.float32(0.5)
    rounded: npt.NDArray[np.float32]
    match rounding:
        case "floor":
            rounded = np.floor(places)
        case "ceil":
            rounded = np.ceil(places)
        case "round_prefer_floor":
            rounded = np.ceil(places - half)
        case "round_prefer_ceil":
            rounded = np.floor(places + half)
        case _:
            return None
    return rounded


def onnx_says_the_same(size: int, wanted: int, mode: ResizeMode) -> bool:
    """Tell whether ONNX's nearest resize, as `quantize.emit` writes it, copies the same pixels."""
    indices = onnx_nearest_indices(size, wanted, mode.value, ONNX_ROUNDING[mode])
    return indices is not None and np.array_equal(indices, nearest_indices(size, wanted, mode))


def bilinear_step(size: int, wanted: int, mode: ResizeMode) -> tuple[int, int]:
    """Return by how many 2**-10 pixels a pixel of the output moves on, and where the first lies.

    Source: TFLite `ResizeBilinearInteger` (reference/resize_bilinear.h); its divisions truncate.
    """
    one = 1 << FRACTION_BITS
    if mode is ResizeMode.ALIGN_CORNERS and wanted > 1:
        return (one * (size - 1) + (wanted - 1) // 2) // (wanted - 1), 0
    step = (one * size + wanted // 2) // wanted
    return step, step // 2 - one // 2 if mode is ResizeMode.HALF_PIXEL else 0


def bilinear_places(size: int, wanted: int, mode: ResizeMode) -> Places:
    """Return the places of `wanted` pixels among `size`; `low` may lie outside (`is_inside`).

    Source: TFLite `ComputeInterpolationValuesInteger` (reference/resize_bilinear.h).
    """
    one = 1 << FRACTION_BITS
    step, first = bilinear_step(size, wanted, mode)
    places = np.arange(wanted, dtype=np.int64) * step + first
    low = np.maximum(places, 0) // one
    high = np.minimum(np.maximum(places + one - 1, 0) // one, size - 1)
    return Places(low, high, places - one * low)


def is_inside(size: int, wanted: int, mode: ResizeMode) -> bool:
    """Tell whether the reference kernel stays inside the image.

    It rounds the ratio of the sizes to 2**-10; where an image is enlarged very much, that adds up
    to a pixel behind the last one.
    """
    return int(bilinear_places(size, wanted, mode).low.max()) < size


def interpolate_codes(
    image: npt.NDArray[np.int64], size: tuple[int, int], mode: ResizeMode
) -> _Indices:
    """Return (N, *size, C) codes between the codes of (N, H, W, C), rounded half away from 0.

    Source: as `bilinear_places`.
    """
    one = 1 << FRACTION_BITS
    rows = bilinear_places(image.shape[1], size[0], mode)
    columns = bilinear_places(image.shape[2], size[1], mode)
    down, across = rows.fraction[:, None, None], columns.fraction[:, None]
    top, bottom = image[:, rows.low], image[:, rows.high]
    left = top[:, :, columns.low] * (one - down) + bottom[:, :, columns.low] * down
    right = top[:, :, columns.high] * (one - down) + bottom[:, :, columns.high] * down
    sums = left * (one - across) + right * across
    half = 1 << (2 * FRACTION_BITS - 1)
    magnitude = (np.abs(sums) + half) >> (2 * FRACTION_BITS)
    codes: _Indices = np.sign(sums) * magnitude
    return codes


def interpolate(
    image: npt.NDArray[np.float32], size: tuple[int, int], mode: ResizeMode
) -> npt.NDArray[np.float32]:
    """Return (N, *size, C) between the pixels of (N, H, W, C)."""
    for axis, wanted in zip((1, 2), size, strict=True):
        image = _interpolate_axis(image, axis, wanted, mode)
    return image


def _interpolate_axis(
    image: npt.NDArray[np.float32], axis: int, wanted: int, mode: ResizeMode
) -> npt.NDArray[np.float32]:
    size = image.shape[axis]
    places = np.arange(wanted, dtype=np.float64)
    match mode:
        case ResizeMode.ALIGN_CORNERS if wanted > 1:
            places *= (size - 1) / (wanted - 1)
        case ResizeMode.HALF_PIXEL:
            places = (places + 0.5) * size / wanted - 0.5
        case _:
            places *= size / wanted
    places = np.clip(places, 0, size - 1)
    low = np.floor(places).astype(np.int64)
    high = np.minimum(low + 1, size - 1)
    shape = [-1 if other == axis else 1 for other in range(image.ndim)]
    share = (places - low).astype(np.float32).reshape(shape)
    one = np.float32(1)
    before, behind = image.take(low, axis), image.take(high, axis)
    result: npt.NDArray[np.float32] = before * (one - share) + behind * share
    return result
