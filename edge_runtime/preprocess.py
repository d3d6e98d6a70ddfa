"""Turns a frame into the model's input; calibration calls the same functions."""

from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import EngineError, FrameError
from edge_runtime.manifest import ImageInput, Preprocessing, TensorInput
from edge_runtime.signals.features import FloatArray, normalise, signal_tensor

LETTERBOX_GREY = 114


def to_tensor(
    values: npt.NDArray[Any], preprocessing: Preprocessing, shape: tuple[int, ...]
) -> FloatArray:
    """Return a frame's values as the model's input of `shape`, batch first, float32.

    Args:
        values: (H, W, 3) or (H, W) uint8 BGR for an image; samples or a ready tensor otherwise.
        preprocessing: The bundle's.
        shape: Of the model's input, channels last, batch 1 first.

    Raises:
        FrameError: Another number of values than the model takes, or NaN or infinity among them.
    """
    match preprocessing:
        case ImageInput():
            tensor = image_tensor(values, preprocessing)
        case TensorInput():
            tensor = _as_floats(values)
        case _:
            tensor = signal_tensor(_as_floats(values), preprocessing)
    return _reshape(tensor, shape)


def image_tensor(image: npt.NDArray[Any], spec: ImageInput) -> FloatArray:
    """Return an image as (1, height, width, channels): coloured, resized, (x - mean) / std.

    Args:
        image: (H, W, 3) uint8 BGR, or (H, W) or (H, W, 1) uint8 grey.
        spec: What the model takes.

    Raises:
        FrameError: Not such an image.
    """
    pixels = _resize(_colour(_checked_image(image), spec), spec)
    if pixels.ndim == 2:
        pixels = pixels[:, :, np.newaxis]
    return normalise(pixels.astype(np.float32), spec.mean, spec.std)[np.newaxis]


def crop_box(width: int, height: int, spec: ImageInput) -> tuple[int, int, int, int]:
    """Return the middle of an image with the model's aspect ratio: left, top, width, height."""
    kept_width = min(width, max(1, round(height * spec.width / spec.height)))
    kept_height = min(height, max(1, round(width * spec.height / spec.width)))
    return (width - kept_width) // 2, (height - kept_height) // 2, kept_width, kept_height


def letterbox_box(width: int, height: int, spec: ImageInput) -> tuple[int, int, int, int]:
    """Return where a whole image lies in the model's input: left, top, width, height."""
    factor = min(spec.width / width, spec.height / height)
    inner_width = min(spec.width, max(1, round(width * factor)))
    inner_height = min(spec.height, max(1, round(height * factor)))
    left, top = (spec.width - inner_width) // 2, (spec.height - inner_height) // 2
    return left, top, inner_width, inner_height


def image_bounds(width: int, height: int, spec: ImageInput) -> tuple[float, float, float, float]:
    """Return where an image's left, top, right and bottom edge lie in the model's input, in pixels.

    For undoing the resizing: of a cropped image the edges lie outside of the input.
    """
    match spec.resize:
        case "stretch":
            return 0.0, 0.0, float(spec.width), float(spec.height)
        case "letterbox":
            left, top, inner_width, inner_height = letterbox_box(width, height, spec)
            return left, top, left + inner_width, top + inner_height
        case "crop":
            left, top, kept_width, kept_height = crop_box(width, height, spec)
            across, down = spec.width / kept_width, spec.height / kept_height
            return -left * across, -top * down, (width - left) * across, (height - top) * down


def _checked_image(image: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    is_image = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    if image.dtype != np.uint8 or not is_image or 0 in image.shape:
        raise FrameError(
            f"image of shape {image.shape} {image.dtype}, allowed are (H, W, 3) and (H, W) uint8"
        )
    return image


def _colour(image: npt.NDArray[np.uint8], spec: ImageInput) -> npt.NDArray[np.uint8]:
    is_grey = image.ndim == 2
    if spec.colour == "grey":
        return image if is_grey else _grey_of(image)
    if is_grey:
        return np.repeat(image[:, :, np.newaxis], 3, axis=2)
    return np.ascontiguousarray(image[:, :, ::-1]) if spec.colour == "rgb" else image


def _grey_of(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return luma of a BGR image, Rec. 601, rounded half up as OpenCV does."""
    cv2 = opencv()
    grey: npt.NDArray[np.uint8] = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return grey


def _resize(image: npt.NDArray[np.uint8], spec: ImageInput) -> npt.NDArray[np.uint8]:
    height, width = image.shape[:2]
    if (width, height) == (spec.width, spec.height):
        return image
    if spec.resize == "crop":
        left, top, kept_width, kept_height = crop_box(width, height, spec)
        image = image[top : top + kept_height, left : left + kept_width]
    if spec.resize == "letterbox":
        return _letterbox(image, spec)
    return _scale(image, spec.width, spec.height)


def _letterbox(image: npt.NDArray[np.uint8], spec: ImageInput) -> npt.NDArray[np.uint8]:
    left, top, width, height = letterbox_box(image.shape[1], image.shape[0], spec)
    canvas = np.full((spec.height, spec.width, *image.shape[2:]), LETTERBOX_GREY, np.uint8)
    canvas[top : top + height, left : left + width] = _scale(image, width, height)
    return canvas


def _scale(image: npt.NDArray[np.uint8], width: int, height: int) -> npt.NDArray[np.uint8]:
    if image.shape[:2] == (height, width):
        return image
    cv2 = opencv()
    is_smaller = width <= image.shape[1] and height <= image.shape[0]
    method = cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR
    scaled: npt.NDArray[np.uint8] = cv2.resize(image, (width, height), interpolation=method)
    return scaled


def opencv() -> Any:
    """Return OpenCV, which only pipelines with images need.

    Raises:
        EngineError: It is not installed.
    """
    try:
        import cv2  # noqa: PLC0415 (heavy, and an extra: only where images are used)
    except ImportError as error:
        raise EngineError("images need OpenCV: pip install 'edge-runtime[camera]'") from error
    return cv2


def _as_floats(values: npt.NDArray[Any]) -> FloatArray:
    if values.dtype.kind not in "fiub":
        raise FrameError(f"values of type {values.dtype}, allowed are numbers")
    floats = values.astype(np.float32)
    if not np.isfinite(floats).all():
        raise FrameError(f"{int((~np.isfinite(floats)).sum())} values are NaN or infinite")
    return floats


def _reshape(tensor: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    if tensor.size != int(np.prod(shape)):
        raise FrameError(f"{tensor.size} values of shape {tensor.shape}, the model takes {shape}")
    return np.ascontiguousarray(tensor.reshape(shape))
