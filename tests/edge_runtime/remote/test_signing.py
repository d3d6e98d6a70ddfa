"""What is signed here is what a device admits."""

import json
from pathlib import Path

import pytest

from edge_runtime.errors import EdgeRuntimeError
from edge_runtime.keys import read_public_key
from edge_runtime.remote.counters import CounterStore
from edge_runtime.remote.gate import Gate
from edge_runtime.remote.signing import Terms, signed_command
from tests.edge_runtime.remote.keys import key_files

TERMS = Terms("ops", "pi", 60.0)


@pytest.mark.parametrize(
    ("verb", "payload"),
    [("threshold", '{"pipeline":"door","value":0.5}'), ("cfg/desired", '{"version":1}')],
)
def test_a_device_admits_it(tmp_path: Path, verb: str, payload: str) -> None:
    private, public = key_files(tmp_path)
    gate = Gate("pi", read_public_key(public), CounterStore(tmp_path / "c"), lambda: 1000.0)

    envelope = signed_command(verb, payload, private, TERMS, lambda: 1000.0)

    assert json.loads(gate.admit(verb, envelope.encode())) == json.loads(payload)


@pytest.mark.parametrize(
    ("verb", "payload", "terms", "message"),
    [
        ("reboot", "{}", TERMS, "allowed are cfg/desired, dump, pause"),
        ("pause", "{", TERMS, "cmd/pause"),
        ("cfg/desired", "{}", TERMS, "cfg/desired"),
        ("pause", "{}", Terms("o p s", "pi", 60.0), "issuer"),
        ("pause", "{}", Terms("ops", "a/b", 60.0), "device"),
    ],
)
def test_what_a_device_would_refuse_is_not_signed(
    tmp_path: Path, verb: str, payload: str, terms: Terms, message: str
) -> None:
    private, _ = key_files(tmp_path)

    with pytest.raises(EdgeRuntimeError, match=message):
        signed_command(verb, payload, private, terms)
