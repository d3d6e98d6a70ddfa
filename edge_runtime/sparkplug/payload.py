"""A Sparkplug B payload: metrics and a sequence number, to bytes and back.

Of the protocol buffer only the fields that we send or read are known here; others are passed over.

Source: Sparkplug 3.0.0 specification, section 6.4.1 (`org.eclipse.tahu.protobuf.Payload`).
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from edge_runtime.sparkplug.wire import (
    Value,
    WireError,
    bytes_field,
    double_field,
    fields,
    varint_field,
)

_TIMESTAMP, _METRICS, _SEQ = 1, 2, 3  # of a payload
_NAME, _ALIAS, _AT, _DATATYPE, _IS_HISTORICAL, _IS_NULL = 1, 2, 3, 4, 5, 7  # of a metric
_LONG, _DOUBLE, _BOOLEAN, _STRING = 11, 13, 14, 15  # of a metric's value


class DataType(IntEnum):
    """What a metric holds; the numbers are the specification's (section 6.4.16)."""

    INT64 = 4
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12


MetricValue: TypeAlias = int | float | bool | str


@dataclass(frozen=True, slots=True)
class Metric:
    """One named value.

    Attributes:
        name: None in data that goes by alias.
        at_ms: When it was so, UTC, milliseconds since the epoch.
        datatype: None in data: a birth has told it.
        value: None: not known.
        is_historical: It was so once; not how things are now.
    """

    name: str | None
    value: MetricValue | None
    at_ms: int
    datatype: DataType | None = None
    alias: int | None = None
    is_historical: bool = False


@dataclass(frozen=True, slots=True)
class Payload:
    """What a message carries; a death of a node has no sequence number."""

    at_ms: int
    metrics: tuple[Metric, ...]
    seq: int | None = None


def encode_payload(payload: Payload) -> bytes:
    """Return the payload's bytes; equal payloads have equal bytes."""
    parts = [varint_field(_TIMESTAMP, payload.at_ms)]
    parts += [bytes_field(_METRICS, _encode_metric(metric)) for metric in payload.metrics]
    if payload.seq is not None:
        parts.append(varint_field(_SEQ, payload.seq))
    return b"".join(parts)


def decode_payload(data: bytes) -> Payload:
    """Return what the bytes say, fields that are not known here left out.

    Raises:
        WireError: No protocol buffer, or a field of another kind than the specification's.
    """
    at_ms, metrics, seq = 0, [], None
    for number, value in fields(data):
        if number == _TIMESTAMP:
            at_ms = _whole(value)
        elif number == _METRICS:
            metrics.append(_decode_metric(_bytes(value)))
        elif number == _SEQ:
            seq = _whole(value)
    return Payload(at_ms, tuple(metrics), seq)


def _encode_metric(metric: Metric) -> bytes:
    parts = []
    if metric.name is not None:
        parts.append(bytes_field(_NAME, metric.name.encode()))
    if metric.alias is not None:
        parts.append(varint_field(_ALIAS, metric.alias))
    parts.append(varint_field(_AT, metric.at_ms))
    if metric.datatype is not None:
        parts.append(varint_field(_DATATYPE, metric.datatype))
    if metric.is_historical:
        parts.append(varint_field(_IS_HISTORICAL, 1))
    parts.append(_encode_value(metric.value))
    return b"".join(parts)


def _encode_value(value: MetricValue | None) -> bytes:
    match value:
        case None:
            return varint_field(_IS_NULL, 1)
        case bool():
            return varint_field(_BOOLEAN, value)
        case int():
            return varint_field(_LONG, value)
        case float():
            return double_field(_DOUBLE, value)
        case str():
            return bytes_field(_STRING, value.encode())


def _decode_metric(data: bytes) -> Metric:
    found: dict[int, Value] = dict(fields(data))
    name, datatype = found.get(_NAME), found.get(_DATATYPE)
    known = {int(each) for each in DataType}
    return Metric(
        name=None if name is None else _text(name),
        value=_decode_value(found),
        at_ms=_whole(found.get(_AT, 0)),
        datatype=DataType(datatype) if datatype in known else None,
        alias=None if _ALIAS not in found else _whole(found[_ALIAS]),
        is_historical=bool(found.get(_IS_HISTORICAL, 0)),
    )


def _decode_value(found: dict[int, Value]) -> MetricValue | None:
    """Return the value where it is of a kind that we use; else None, as if it were null."""
    if found.get(_IS_NULL):
        return None
    if _BOOLEAN in found:
        return bool(_whole(found[_BOOLEAN]))
    if _LONG in found:
        value = _whole(found[_LONG])
        return value - (1 << 64) if value >> 63 else value
    if _STRING in found:
        return _text(found[_STRING])
    if _DOUBLE in found:
        return _double(found[_DOUBLE])
    return None


def _double(value: Value) -> float:
    data = _bytes(value)
    if len(data) != 8:
        raise WireError(f"double: {len(data)} bytes, allowed are 8")
    return float(struct.unpack("<d", data)[0])


def _text(value: Value) -> str:
    try:
        return _bytes(value).decode()
    except UnicodeDecodeError as error:
        raise WireError(f"text: {error}") from error


def _bytes(value: Value) -> bytes:
    if not isinstance(value, bytes):
        raise WireError(f"{value}: a number where bytes belong")
    return value


def _whole(value: Value) -> int:
    if not isinstance(value, int):
        raise WireError("bytes where a number belongs")
    return value
