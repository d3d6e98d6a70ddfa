"""Numbers out of JSON."""

import contextlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import FrameError
from edge_runtime.sources.fields import decode_json, pick

DOCUMENT = {"t": 21.5, "h": 44, "a/b": 1, "in": {"x": [7, {"y~z": 8}]}, "s": "3", "on": True}


def test_keys_and_pointers_find_their_numbers() -> None:
    values = pick(DOCUMENT, ("t", "/h", "a/b", "/a~1b", "/in/x/0", "/in/x/1/y~0z"))

    assert values.tolist() == [21.5, 44, 1, 1, 7, 8]
    assert values.dtype == np.float64


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("nothing", "no field 'nothing'"),
        ("/in/x/2", "no field '/in/x/2'"),
        ("/in/x/-", "no field"),
        ("/t/deeper", "no field"),
        ("s", "field 's': '3' is no number"),
        ("on", "'True' is no number"),
        ("in", "is no number"),
    ],
)
def test_what_is_no_number_is_refused_by_name(field: str, message: str) -> None:
    with pytest.raises(FrameError, match=message):
        pick(DOCUMENT, (field,))


@pytest.mark.parametrize("document", [None, 3, [1], "text"])
def test_a_document_that_is_no_object_has_no_fields(document: Any) -> None:
    with pytest.raises(FrameError, match="no field"):
        pick(document, ("t",))


def test_an_integer_beyond_floats_is_refused() -> None:
    with pytest.raises(FrameError, match="beyond any float"):
        pick({"t": 10**400}, ("t",))


@pytest.mark.parametrize("data", [b"", b'{"t":NaN}', b'{"t":1', b"\xff\xfe", b"[" * 4000])
def test_s4_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(FrameError, match="not JSON"):
        decode_json(data)


@given(st.binary(max_size=200))
def test_s4_no_bytes_break_the_decoder(data: bytes) -> None:
    with contextlib.suppress(FrameError):
        pick(decode_json(data), ("t",))
