"""C text: identifiers, literals, tables and comments that say in any C99 compiler what we mean."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from firmware_export.errors import NamingError
from quantize.ir.graph import Array, DType

# What a struct's field can hold: a number, a name, a struct, an array.
Initial: TypeAlias = int | str | Mapping[str, "Initial"] | Sequence["Initial"]

INT32_MIN = -(2**31)
LINE_WIDTH = 96
MAX_PREFIX_LENGTH = 40
_COMMENT_MARKS = re.compile(r"\*(?=/)|/(?=\*)|\?(?=\?)")  # also trigraphs
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
# C99, what C11, C23 and C++ add, and names of the library: PREFIX.h must not hide a header.
_RESERVED_TEXT = """
auto break case char const continue default do double else enum extern float for goto if inline
int long register restrict return short signed sizeof static struct switch typedef union unsigned
void volatile while bool true false nullptr constexpr typeof alignas alignof static_assert
thread_local asm fortran and and_eq bitand bitor catch char8_t char16_t char32_t class compl
concept const_cast consteval constinit co_await co_return co_yield decltype delete dynamic_cast
explicit export final friend import module mutable namespace new noexcept not not_eq operator or
or_eq override private protected public reinterpret_cast requires static_cast template this throw
try typeid typename using virtual wchar_t xor xor_eq main errno linux unix arm int8_t int16_t
int32_t int64_t uint8_t uint16_t uint32_t uint64_t size_t memcpy memset memcmp memmove assert
complex ctype fenv inttypes iso646 limits locale math setjmp signal stdarg stdbool stddef stdint
stdio stdlib string tgmath time harness
"""
RESERVED_WORDS = frozenset(_RESERVED_TEXT.split())
C_TYPES = {
    DType.INT8: "int8_t",
    DType.INT16: "int16_t",
    DType.INT32: "int32_t",
    DType.INT64: "int64_t",
    DType.FLOAT32: "float",
}


def identifier(text: str, taken: Iterable[str] = ()) -> str:
    """Return a legal C identifier that says `text`: lower case, not reserved, not in `taken`."""
    words = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    name = words if words[:1].isalpha() else f"t_{words}".rstrip("_")
    used = RESERVED_WORDS | set(taken)
    number = 2
    candidate = name
    while candidate in used:
        candidate = f"{name}_{number}"
        number += 1
    return candidate


def check_prefix(prefix: str) -> str:
    """Return `prefix` if it can stand before every name of a model.

    Raises:
        NamingError: It is no C identifier, reserved, too long, or the kernels' own `edge`.
    """
    legal = _WORD.fullmatch(prefix) and len(prefix) <= MAX_PREFIX_LENGTH
    if not legal or prefix in RESERVED_WORDS or prefix.lower().startswith("edge_"):
        raise NamingError(
            f"prefix {prefix!r}: expected a C identifier of at most {MAX_PREFIX_LENGTH} letters, "
            "digits and underscores, starting with a letter, not reserved and not edge_…"
        )
    return prefix


def integer(value: int) -> str:
    """Return a decimal literal; the most negative int32 has no literal of its own in C."""
    return "INT32_MIN" if value == INT32_MIN else str(value)


def real(value: float) -> str:
    """Return a float literal that reads back as exactly the float32 nearest to `value`."""
    text = str(np.float32(value))
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


def comment(text: str) -> str:
    """Return `text` as a comment on one line; nothing in it can end the comment or splice lines."""
    printable = "".join(c if 0x20 <= ord(c) < 0x7F else "_" for c in text).replace("\\", "/")
    return f"/* {_COMMENT_MARKS.sub(lambda found: found[0] + ' ', printable)} */"


def table(
    name: str, values: Array, dtype: DType, *, static: bool = True, placement: str = ""
) -> str:
    """Return the definition of a constant array with all `values` in memory order."""
    literal: Callable[[float], str] = real if dtype is DType.FLOAT32 else _integer_of
    words = [literal(value) for value in values.ravel().tolist()]
    storage = "static const" if static else "const"
    body = "\n".join(wrap(words))
    start = f"{placement} {storage}" if placement else storage
    return f"{start} {C_TYPES[dtype]} {name}[{len(words)}] = {{\n{body}\n}};\n"


def wrap(words: Iterable[str], indent: str = "    ") -> list[str]:
    """Return the words, separated by commas, in lines of at most LINE_WIDTH characters."""
    lines: list[str] = []
    line = indent
    for word in words:
        if len(line) + len(word) + 1 > LINE_WIDTH:
            lines.append(line.rstrip())
            line = indent
        line += f"{word}, "
    lines.append(line.rstrip().rstrip(","))
    return lines


def initializer(value: Initial) -> str:
    """Return a value as C initializes it: numbers and names as they are, {.a = 1}, {1, 2}."""
    if isinstance(value, int):
        return integer(value)
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'.{key} = {initializer(item)}' for key, item in value.items())}}}"
    return f"{{{', '.join(initializer(item) for item in value)}}}"


def struct(c_type: str, name: str, fields: Mapping[str, Initial]) -> str:
    """Return the definition of a constant struct with named fields."""
    body = "\n".join(wrap(f".{key} = {initializer(value)}" for key, value in fields.items()))
    return f"static const {c_type} {name} = {{\n{body}\n}};\n"


def _integer_of(value: float) -> str:
    return integer(int(value))
