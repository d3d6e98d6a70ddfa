import math
import struct as packing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_export.c_text import (
    LINE_WIDTH,
    RESERVED_WORDS,
    check_prefix,
    comment,
    identifier,
    initializer,
    integer,
    real,
    struct,
    table,
)
from firmware_export.errors import NamingError
from quantize.ir.graph import DType

FINITE_FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(max_examples=150)
@given(st.lists(st.text(max_size=12), max_size=6))
def test_identifiers_are_legal_and_unique(texts: list[str]) -> None:
    taken: list[str] = []
    for text in texts:
        taken.append(identifier(text, taken))

    assert len(set(taken)) == len(taken)
    assert not RESERVED_WORDS & set(taken)
    assert all(name.isascii() and name.isidentifier() and name[0] != "_" for name in taken)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model/conv2d/Relu;1", "model_conv2d_relu_1"),
        ("int", "int_2"),
        ("3x3", "t_3x3"),
        ("", "t"),
        ("größe", "gr_e"),
    ],
)
def test_an_identifier_says_the_text(text: str, expected: str) -> None:
    assert identifier(text) == expected


@pytest.mark.parametrize("prefix", ["model", "A1_b", "x" * 40])
def test_a_legal_prefix_is_returned(prefix: str) -> None:
    assert check_prefix(prefix) == prefix


@pytest.mark.parametrize(
    "prefix", ["", "1a", "a-b", "int", "_a", "x" * 41, "edge_conv", "EDGE_X", "a b", "ä", "a\n"]
)
def test_an_illegal_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(NamingError, match="C identifier"):
        check_prefix(prefix)


def test_the_most_negative_integer_has_a_name() -> None:
    assert integer(-(2**31)) == "INT32_MIN"
    assert integer(-(2**31) + 1) == "-2147483647"


@settings(max_examples=200)
@given(FINITE_FLOAT32)
def test_a_float_reads_back_bit_for_bit(value: float) -> None:
    text = real(value)

    read = np.float32(text.removesuffix("f"))

    assert text.endswith("f")
    assert set(text) & {".", "e"}
    assert packing.pack("f", read) == packing.pack("f", value)


@settings(max_examples=150)
@given(st.text(max_size=40))
def test_no_text_can_end_its_comment(text: str) -> None:
    line = comment(text)

    assert line.count("*/") == 1
    assert line.endswith(" */")
    assert "\\" not in line
    assert "??" not in line
    assert "\n" not in line


def test_a_table_holds_every_value_in_memory_order() -> None:
    values = np.array([[1, -2], [3, -128]], np.int8)

    assert table("t", values, DType.INT8) == (
        "static const int8_t t[4] = {\n    1, -2, 3, -128\n};\n"
    )


def test_a_table_of_floats_with_external_linkage() -> None:
    text = table("t", np.array([0.1, 2], np.float32), DType.FLOAT32, static=False)

    assert text == "const float t[2] = {\n    0.1f, 2.0f\n};\n"


def test_long_tables_are_wrapped() -> None:
    text = table("t", np.arange(200, dtype=np.int32), DType.INT32)

    assert max(len(line) for line in text.splitlines()) <= LINE_WIDTH


def test_a_struct_names_its_fields() -> None:
    text = struct("edge_x_t", "x", {"a": 1, "b": (2, -3), "c": {"d": "&y"}})

    assert text == ("static const edge_x_t x = {\n    .a = 1, .b = {2, -3}, .c = {.d = &y}\n};\n")


def test_an_initializer_nests() -> None:
    assert initializer([{"a": (1,)}, "NULL"]) == "{{.a = {1}}, NULL}"


def test_a_whole_float_gets_a_point() -> None:
    assert real(math.pow(2, 10)) == "1024.0f"
