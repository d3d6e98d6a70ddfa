"""Dates written by a clock that was wrong are put right; nothing else of a message changes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.mqtt.outbox.redating import redate

EVENT = {"id": "01J", "boot": "b", "seq": 7, "ts": "1970-01-01T00:01:00.250Z", "clock": "unsynced"}


def redated(record: dict[str, object], shift_s: float) -> dict[str, object]:
    return json.loads(redate(json.dumps(record).encode(), shift_s))


@pytest.mark.parametrize("clock", ["unsynced", "stepped"])
def test_a_doubtful_date_moves_with_the_clock(clock: str) -> None:
    moved = redated({**EVENT, "clock": clock, "since": "1970-01-01T00:00:58.000Z"}, 1_800_000_000.0)

    assert moved["ts"] == "2027-01-15T08:01:00.250Z"
    assert moved["since"] == "2027-01-15T08:00:58.000Z"
    assert (moved["clock"], moved["redated"]) == ("synced", True)
    assert (moved["id"], moved["boot"], moved["seq"]) == ("01J", "b", 7)


@pytest.mark.parametrize(
    "payload",
    [
        b"online",
        b"\xff",
        b"[]",
        b'{"clock":"synced","ts":"2027-01-15T08:01:00.250Z"}',
        b'{"ts":"2027-01-15T08:01:00.250Z"}',
    ],
)
def test_what_does_not_doubt_its_clock_stays(payload: bytes) -> None:
    assert redate(payload, 100.0) == payload


@pytest.mark.parametrize("date", [None, 7, "yesterday", "1970-01-01T00:00:00Z"])
def test_a_date_that_is_none_stays_what_it_is(date: object) -> None:
    assert redated({**EVENT, "ts": date}, -1e12)["ts"] == date


@given(st.binary(max_size=80), st.floats(-1e12, 1e12))
def test_any_payload_comes_back(payload: bytes, shift_s: float) -> None:
    assert isinstance(redate(payload, shift_s), bytes)
