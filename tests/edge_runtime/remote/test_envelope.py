"""Nothing is parsed before its signature holds; keys are told apart from what is none."""

import base64
import json
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import ConfigError
from edge_runtime.keys import read_private_key, read_public_key
from edge_runtime.remote.commands import CommandError
from edge_runtime.remote.envelope import MAX_ENVELOPE_BYTES, Statement, seal, unseal

KEY = Ed25519PrivateKey.generate()
STATEMENT = Statement(
    issuer="ops",
    device="pi",
    verb="pause",
    counter=1,
    issued_at=100.0,
    expires_at=160.0,
    command=msgspec.Raw(b'{"pipeline": "door"}'),
)


def signed(text: bytes) -> bytes:
    """An envelope around any text, rightly signed."""
    pair = {"signed": text, "signature": KEY.sign(text)}
    return json.dumps({k: base64.b64encode(v).decode() for k, v in pair.items()}).encode()


def test_a_statement_comes_back_as_it_was_signed() -> None:
    statement = unseal(seal(STATEMENT, KEY), KEY.public_key())

    assert statement == STATEMENT
    assert bytes(statement.command) == b'{"pipeline": "door"}'


def test_any_other_key_is_refused() -> None:
    with pytest.raises(CommandError, match="not the fleet key's"):
        unseal(seal(STATEMENT, Ed25519PrivateKey.generate()), KEY.public_key())


@given(position=st.integers(0, 10_000), change=st.integers(1, 255))
def test_a_changed_byte_is_refused(position: int, change: int) -> None:
    envelope = json.loads(seal(STATEMENT, KEY))
    data = bytearray(base64.b64decode(envelope["signed"]))
    data[position % len(data)] ^= change
    envelope["signed"] = base64.b64encode(data).decode()

    with pytest.raises(CommandError, match="not the fleet key's"):
        unseal(json.dumps(envelope).encode(), KEY.public_key())


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "not signed"),
        (b'{"pipeline":"door"}', "not signed"),
        (b'{"signed":"e30=","signature":"e30=","more":1}', "not signed"),
        (b'{"signed":"?","signature":"?"}', "not signed"),
        (b'{"signed":"e30=","signature":"e30="}', "not the fleet key's"),
        (b"[" * MAX_ENVELOPE_BYTES, "not signed"),
        (b" " * (MAX_ENVELOPE_BYTES + 1), "16385 bytes, allowed are 16384"),
        (signed(b"{}"), "no statement"),
        (signed(b"\xff"), "no statement"),
    ],
)
def test_what_is_no_signed_statement_is_refused(payload: bytes, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        unseal(payload, KEY.public_key())


@given(st.binary(max_size=300))
def test_n9_any_bytes_are_refused_in_one_line(payload: bytes) -> None:
    with pytest.raises(CommandError) as refusal:
        unseal(payload, KEY.public_key())

    assert "\n" not in str(refusal.value)


def test_keys_of_another_kind_and_files_that_hold_none_are_named(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    form = s.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "p256.pub").write_bytes(key.public_key().public_bytes(s.Encoding.PEM, form))
    pem = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
    (tmp_path / "p256.key").write_bytes(pem)
    (tmp_path / "text").write_text("hello")

    with pytest.raises(ConfigError, match="allowed is an Ed25519 public key"):
        read_public_key(tmp_path / "p256.pub")
    with pytest.raises(ConfigError, match="allowed is an Ed25519 private key"):
        read_private_key(tmp_path / "p256.key")
    for read in (read_public_key, read_private_key):
        with pytest.raises(ConfigError, match="not a p"):
            read(tmp_path / "text")
        with pytest.raises(ConfigError, match="No such file"):
            read(tmp_path / "missing")
