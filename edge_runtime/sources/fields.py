"""Picks a row's numbers out of a JSON value."""

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from edge_runtime.errors import FrameError


def decode_json(data: bytes) -> Any:
    """Return the value that JSON text stands for; NaN and Infinity are no JSON.

    Raises:
        FrameError: Not JSON, or nested too deeply.
    """
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise FrameError(f"not JSON: {_excerpt(data)}") from error


def pick(document: Any, fields: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """Return the numbers at `fields`, (C,) float64.

    Args:
        document: A decoded JSON value.
        fields: Keys of the top level, or JSON pointers (RFC 6901) that start with "/".

    Raises:
        FrameError: There is none, or it is no number.
    """
    return np.array([_number(_find(document, field), field) for field in fields], np.float64)


def _find(document: Any, field: str) -> Any:
    steps = field[1:].split("/") if field.startswith("/") else [field]
    value = document
    for step in steps:
        key = step.replace("~1", "/").replace("~0", "~") if field.startswith("/") else step
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            raise FrameError(f"no field {field!r}")
    return value


def _number(value: Any, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FrameError(f"field {field!r}: {str(value)[:40]!r} is no number")
    try:
        return float(value)
    except OverflowError as error:
        raise FrameError(f"field {field!r}: an integer beyond any float") from error


def _excerpt(data: bytes) -> str:
    return repr(data[:40])[1:]
