"""Dates of messages that were written before the clock was right, put right before they are sent.

A board without a battery starts in the past and steps when the network tells it the time. What it
captured before says so (`clock` is "unsynced" or "stepped"). The monotonic clock did not step: how
far the two clocks were apart then, against now, is how far the date is off.
"""

from datetime import datetime
from typing import Any

import msgspec

from edge_runtime.host.time_source import rfc3339

_DATES = ("ts", "since")
_DOUBTFUL = frozenset({"unsynced", "stepped"})


def redate(payload: bytes, shift_s: float) -> bytes:
    """Return a payload with its dates moved by `shift_s`, and said to be; others as they are.

    Only JSON objects that doubt their own clock are touched. Number, id and boot stay, so that a
    copy that was sent before is still the same message.
    """
    try:
        record = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return payload
    if not isinstance(record, dict) or record.get("clock") not in _DOUBTFUL:
        return payload
    moved = {key: _moved(record[key], shift_s) for key in _DATES if key in record}
    return msgspec.json.encode({**record, **moved, "clock": "synced", "redated": True})


def _moved(date: Any, shift_s: float) -> Any:
    try:
        return rfc3339(datetime.fromisoformat(date).timestamp() + shift_s)
    except (TypeError, ValueError, OverflowError, OSError):
        return date
