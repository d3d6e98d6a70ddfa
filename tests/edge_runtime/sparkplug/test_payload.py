"""Payloads to bytes and back, with Google's protobuf runtime as judge of the wire format."""

import contextlib

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.sparkplug.payload import (
    DataType,
    Metric,
    Payload,
    decode_payload,
    encode_payload,
)
from edge_runtime.sparkplug.wire import WireError

FIELD = descriptor_pb2.FieldDescriptorProto
# Section 6.4.1 of the specification, the fields that are used here: name, number, type.
METRIC = (
    ("name", 1, FIELD.TYPE_STRING), ("alias", 2, FIELD.TYPE_UINT64),
    ("timestamp", 3, FIELD.TYPE_UINT64), ("datatype", 4, FIELD.TYPE_UINT32),
    ("is_historical", 5, FIELD.TYPE_BOOL), ("is_null", 7, FIELD.TYPE_BOOL),
    ("int_value", 10, FIELD.TYPE_UINT32), ("long_value", 11, FIELD.TYPE_UINT64),
    ("float_value", 12, FIELD.TYPE_FLOAT), ("double_value", 13, FIELD.TYPE_DOUBLE),
    ("boolean_value", 14, FIELD.TYPE_BOOL), ("string_value", 15, FIELD.TYPE_STRING),
)  # fmt: skip
PAYLOAD = (("timestamp", 1, FIELD.TYPE_UINT64), ("seq", 3, FIELD.TYPE_UINT64))


def their_payload() -> type[Message]:
    """The message class that protobuf makes of the specification's definition."""
    file = descriptor_pb2.FileDescriptorProto(name="sparkplug_test.proto", syntax="proto2")
    outer = file.message_type.add(name="Payload")
    inner = outer.nested_type.add(name="Metric")
    for owner, fields in ((outer, PAYLOAD), (inner, METRIC)):
        for name, number, kind in fields:
            owner.field.add(name=name, number=number, type=kind, label=FIELD.LABEL_OPTIONAL)
    outer.field.add(
        name="metrics", number=2, type=FIELD.TYPE_MESSAGE, label=FIELD.LABEL_REPEATED,
        type_name=".Payload.Metric",
    )  # fmt: skip
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Payload"))


THEIRS = their_payload()
WHOLE = st.integers(0, 2**64 - 1)
VALUES = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text()
    | st.floats(allow_nan=False)
)  # fmt: skip
METRICS = st.builds(
    Metric, st.none() | st.text(), VALUES, WHOLE, st.none() | st.sampled_from(DataType),
    st.none() | WHOLE, st.booleans(),
)  # fmt: skip
PAYLOADS = st.builds(
    Payload, WHOLE, st.lists(METRICS, max_size=5).map(tuple), st.none() | st.integers(0, 255)
)


@given(PAYLOADS)
def test_what_is_encoded_is_decoded(payload: Payload) -> None:
    assert decode_payload(encode_payload(payload)) == payload


@given(PAYLOADS)
def test_protobuf_reads_the_same_and_would_write_the_same_bytes(payload: Payload) -> None:
    theirs = THEIRS()
    theirs.ParseFromString(encode_payload(payload))

    assert theirs.timestamp == payload.at_ms
    assert theirs.HasField("seq") == (payload.seq is not None)
    for mine, other in zip(payload.metrics, theirs.metrics, strict=True):
        assert (other.name if other.HasField("name") else None) == mine.name
        assert other.is_historical == mine.is_historical
        assert other.is_null == (mine.value is None)
        if isinstance(mine.value, bool):
            assert other.boolean_value is mine.value
        elif isinstance(mine.value, int):
            assert other.long_value == mine.value % 2**64
        elif isinstance(mine.value, float):
            assert other.double_value == mine.value
        elif isinstance(mine.value, str):
            assert other.string_value == mine.value
    assert decode_payload(theirs.SerializeToString()) == payload


def test_fields_and_types_that_we_do_not_use_are_passed_over() -> None:
    theirs = THEIRS(timestamp=1)
    theirs.metrics.add(name="a", timestamp=2, datatype=9, float_value=1.0)
    data = theirs.SerializeToString() + b"\x22\x01u"  # and a uuid

    assert decode_payload(data) == Payload(1, (Metric("a", None, 2),))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff" * 11, "an integer without an end"),
        (b"\x08", "an integer without an end"),
        (b"\x12\x05ab", "field 2: 5 bytes, 2 are left"),
        (b"\x0b", "wire type 3, allowed are"),
        (b"\x10\x01", "1: a number where bytes belong"),
        (b"\x0a\x01a", "bytes where a number belongs"),
        (b"\x12\x03\x0a\x01\xff", "text: "),
        (b"\x12\x05\x6d\x00\x00\x00\x00", "double: 4 bytes, allowed are 8"),
    ],
)
def test_bytes_that_are_no_payload_are_refused(data: bytes, said: str) -> None:
    with pytest.raises(WireError, match=said):
        decode_payload(data)


@given(st.binary(max_size=64))
def test_noise_is_refused_or_read_and_never_breaks_anything_else(data: bytes) -> None:
    with contextlib.suppress(WireError):
        decode_payload(data)
