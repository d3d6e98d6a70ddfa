"""What a request's body says: JSON into structs, nested lists into tensors, images into pixels."""

import math
from typing import Any, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
from flask import Request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from edge_runtime.engines.protocol import FloatArray
from edge_runtime.sources.image_file import decode_image

MAX_BATCH = 64
Body = TypeVar("Body")


def json_body(request: Request, kind: type[Body]) -> Body:
    """Return the body as a struct.

    The content type is not asked for: curl says a form's, and clients of TensorFlow Serving none.

    Raises:
        BadRequest: Not JSON, or not of this form; the place is named.
    """
    try:
        return msgspec.json.decode(request.get_data(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"body: {error}") from error
    except RecursionError as error:
        raise BadRequest("body: nested too deeply") from error


def numbers(data: Any, where: str) -> FloatArray:
    """Return nested lists of numbers as float32.

    Raises:
        BadRequest: Ragged, something else than numbers, or too large for float32.
    """
    try:
        array = np.array(data)
    except ValueError as error:
        raise BadRequest(f"{where}: lists of different lengths") from error
    if array.dtype.kind not in "iuf":
        raise BadRequest(f"{where}: allowed are numbers")
    with np.errstate(over="ignore"):
        values: FloatArray = array.astype(np.float32)
    if not np.isfinite(values).all():
        raise BadRequest(f"{where}: a number that float32 cannot hold")
    return values


def batch_of(values: FloatArray, shape: tuple[int, ...], where: str) -> FloatArray:
    """Return tensors (N, ...) as they are, if they are what a model of input `shape` takes.

    Raises:
        BadRequest: Another shape, or N outside 1 to MAX_BATCH.
    """
    if values.ndim != len(shape) or values.shape[1:] != shape[1:]:
        allowed = ", ".join(["N", *map(str, shape[1:])])
        raise BadRequest(f"{where}: shape {list(values.shape)}, allowed is [{allowed}]")
    if not 1 <= len(values) <= MAX_BATCH:
        raise BadRequest(f"{where}: {len(values)} at once, allowed are 1 to {MAX_BATCH}")
    return values


def image_body(request: Request) -> npt.NDArray[np.uint8] | None:
    """Return the image that the body is, or the only file of a form; None for any other body.

    Raises:
        BadRequest: A form without exactly one file.
        FrameError: No image, or one that is too large or damaged.
    """
    if request.mimetype.startswith("image/"):
        return decode_image(request.get_data())
    if request.mimetype == "multipart/form-data":
        files = list(request.files.values())
        if len(files) != 1:
            raise BadRequest(f"form: {len(files)} files, allowed is 1")
        return decode_image(files[0].read())
    return None


def expect_json(request: Request, allowed: str) -> None:
    """Refuse a body that says to be something else.

    Raises:
        UnsupportedMediaType: It is not JSON.
    """
    if request.mimetype != "application/json":
        raise UnsupportedMediaType(
            f"content type {request.mimetype or 'missing'}, allowed are {allowed}"
        )


def threshold_of(request: Request) -> float | None:
    """Return the query's threshold, None where there is none.

    Raises:
        BadRequest: No finite number of at least 0.
    """
    text = request.args.get("threshold")
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise BadRequest(f"threshold {text!r}: allowed are numbers of at least 0")
    return value
