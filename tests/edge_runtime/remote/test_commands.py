"""Commands: strict in what they accept; any bytes at all give a command or one clear refusal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.remote.commands import (
    MAX_COMMAND_BYTES,
    VERBS,
    Answer,
    ChangeThreshold,
    CommandError,
    PausePipeline,
    Ping,
    ResumePipeline,
    answer_message,
    decode_command,
)


@pytest.mark.parametrize(
    ("verb", "payload", "expected"),
    [
        ("ping", b"", Ping()),
        ("ping", b'{"id":"7"}', Ping(id="7")),
        ("pause", b"{}", PausePipeline()),
        ("resume", b'{"pipeline":"door"}', ResumePipeline(pipeline="door")),
        ("threshold", b'{"pipeline":"a","value":1}', ChangeThreshold(pipeline="a", value=1.0)),
    ],
)
def test_a_good_command_is_read(verb: str, payload: bytes, expected: object) -> None:
    assert decode_command(verb, payload) == expected


@pytest.mark.parametrize(
    ("verb", "payload"),
    [
        ("reboot", b"{}"),
        ("ping", b"[]"),
        ("ping", b"null"),
        ("ping", b"{"),
        ("ping", b'{"other":1}'),
        ("ping", b'{"id":"' + b"x" * 65 + b'"}'),
        ("ping", b'{"id":"\xff"}'),
        ("pause", b'{"pipeline":"a/b"}'),
        ("pause", b'{"pipeline":"#"}'),
        ("threshold", b'{"pipeline":"a"}'),
        ("threshold", b'{"pipeline":"a","value":NaN}'),
        ("threshold", b'{"pipeline":"a","value":1e999}'),
        ("threshold", b'{"pipeline":"a","value":1e10}'),
        ("threshold", b'{"pipeline":"a","value":"1"}'),
        ("threshold", b'{"pipeline":"a","value":' + b"9" * 4000 + b"}"),
        ("ping", b" " * (MAX_COMMAND_BYTES + 1)),
        ("ping", b'{"id":' + b"[" * 2000 + b"]" * 2000 + b"}"),
    ],
)
def test_n9_a_bad_command_is_refused_in_one_line(verb: str, payload: bytes) -> None:
    with pytest.raises(CommandError) as refusal:
        decode_command(verb, payload)

    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 300


@given(st.sampled_from(sorted(VERBS)), st.binary(max_size=200))
def test_n9_any_bytes_give_a_command_or_a_refusal(verb: str, payload: bytes) -> None:
    try:
        command = decode_command(verb, payload)
    except CommandError:
        return
    assert isinstance(command, VERBS[verb])


def test_an_answer_is_json_with_its_schema() -> None:
    answer = Answer(verb="ping", id=None, ok=True, result="pong", error=None, duration_ms=0.2)

    message = answer_message(answer)

    assert json.loads(message.payload)["schema"] == "edge.reply/1"
    assert message.expiry_s == 30
