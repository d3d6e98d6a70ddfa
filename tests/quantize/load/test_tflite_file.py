"""Bytes that are no sound TFLite file: one ModelError of one line each, never anything else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantize.emit.tflite_int8 import emit_tflite
from quantize.errors import ModelError
from quantize.load.tflite_file import MAX_FILE_BYTES, read_tflite
from quantize.load.tflite_model import is_int8_tflite, load_float_tflite, load_int8_tflite
from tests.models import tiny_classifier
from tests.tflite_files import FileBuilder, edited

pytestmark = pytest.mark.tflite
SOUND = emit_tflite(tiny_classifier())


def _load_every_way(data: bytes) -> None:
    """Load the bytes; a ModelError of one printable line is all that may come."""
    messages = []
    for load in (load_int8_tflite, load_float_tflite, is_int8_tflite):
        try:
            load(data, "m.tflite")
        except ModelError as error:
            messages.append(str(error))
    assert all(message.startswith("m.tflite: ") for message in messages)
    assert all(message.isprintable() for message in messages)


@pytest.mark.parametrize("data", [b"", b"TFL3", b"\x00" * 64, b"\x08\x00\x00\x00ONNX" * 9])
def test_foreign_bytes_are_refused_by_their_identifier(data: bytes) -> None:
    with pytest.raises(ModelError, match="no TFLite file"):
        read_tflite(data, "m.tflite")


def test_an_identifier_alone_is_a_damaged_file() -> None:
    with pytest.raises(ModelError, match=r"m.tflite: damaged TFLite file"):
        read_tflite(b"\xff\xff\xff\x7fTFL3", "m.tflite")


@pytest.mark.parametrize("share", np.linspace(0, 0.999, 40))
def test_a_truncated_file_is_refused(share: float) -> None:
    with pytest.raises(ModelError):
        load_int8_tflite(SOUND[: int(share * len(SOUND))], "m.tflite")


@given(
    st.lists(st.tuples(st.integers(8, len(SOUND) - 1), st.integers(0, 255)), min_size=1, max_size=8)
)
@settings(max_examples=300, deadline=None)
def test_overwritten_bytes_never_raise_anything_else(changes: list[tuple[int, int]]) -> None:
    data = bytearray(SOUND)
    for position, value in changes:
        data[position] = value

    _load_every_way(bytes(data))


@given(st.integers(2, len(SOUND) // 4 - 1), st.sampled_from([2**31 - 1, -1, -(2**31), 4]))
@settings(max_examples=300, deadline=None)
def test_wild_offsets_never_raise_anything_else(word: int, value: int) -> None:
    data = bytearray(SOUND)
    data[4 * word : 4 * word + 4] = int(value).to_bytes(4, "little", signed=True)

    _load_every_way(bytes(data))


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_noise_behind_the_identifier_never_raises_anything_else(noise: bytes) -> None:
    _load_every_way(b"\x10\x00\x00\x00TFL3" + noise)


def test_a_file_above_2_gigabytes_is_refused_unread() -> None:
    huge = memoryview(np.zeros(MAX_FILE_BYTES + 1, np.uint8))  # never touched, so never allocated

    with pytest.raises(ModelError, match=r"m\.tflite: 2147483648 bytes"):
        read_tflite(huge, "m.tflite")


def test_another_schema_version_is_refused() -> None:
    with pytest.raises(ModelError, match="TFLite schema 2, expected 3"):
        read_tflite(edited(SOUND, lambda model: setattr(model, "version", 2)), "m.tflite")


def test_several_subgraphs_are_refused() -> None:
    with pytest.raises(ModelError, match="2 subgraphs, expected 1"):
        read_tflite(edited(SOUND, lambda model: model.subgraphs.append(model.subgraphs[0])), "m")


def test_a_tensor_number_out_of_range_is_refused() -> None:
    def point_outside(model: object) -> None:
        model.subgraphs[0].operators[0].inputs = [99, 1, 2]

    with pytest.raises(ModelError, match="tensor 99 is used, there are 14"):
        read_tflite(edited(SOUND, point_outside), "m")


def test_a_buffer_number_out_of_range_is_refused() -> None:
    def point_outside(model: object) -> None:
        model.subgraphs[0].tensors[0].buffer = 99

    with pytest.raises(ModelError, match="buffer 99 is used, there are"):
        read_tflite(edited(SOUND, point_outside), "m")


def test_a_buffer_behind_the_flatbuffer_is_refused() -> None:
    def move(model: object) -> None:
        model.buffers[1].offset = 4096

    with pytest.raises(ModelError, match="buffer 1 lies behind the flatbuffer"):
        read_tflite(edited(SOUND, move), "m")


def test_tensors_without_a_name_of_their_own_get_one() -> None:
    builder = FileBuilder()
    numbers = [builder.tensor(name, (1, 2)) for name in ("x", "", "x")]

    tensors = read_tflite(builder.file(numbers[:1], numbers[2:]), "m").tensors

    assert [tensor.name for tensor in tensors] == ["x", "tensor_1", "x_2"]


def test_a_name_stays_on_one_line() -> None:
    builder = FileBuilder()
    number = builder.tensor("a\nb\x1b[31m", (1, 2))

    assert read_tflite(builder.file([number], [number]), "m").tensors[0].name == "a?b?[31m"
