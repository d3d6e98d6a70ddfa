"""A signed command: who says what to which device, how long it holds, and the proof (ed25519).

The envelope is JSON, `{"signed": base64, "signature": base64}`. The signature is over the very
bytes that are then parsed, so there is no second way to write the same statement.
Source: RFC 8032 (Ed25519), by way of `cryptography`.
"""

from typing import TYPE_CHECKING, Annotated, TypeAlias

import msgspec

from edge_runtime.remote.commands import CommandError

if TYPE_CHECKING:  # an extra: imported where a key is configured
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

MAX_ENVELOPE_BYTES = 16_384
MAX_LIFE_S = 7 * 86_400.0
Name: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
Verb: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[a-z/-]{1,64}\Z")]
Counter: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Moment: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1e11)]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Shared settings: immutable, unknown keys refused."""


class Statement(_Strict, frozen=True):
    """What is signed.

    Attributes:
        issuer: Who says so; counters are kept for each.
        device: The only device that may act on it.
        verb: The only topic on which it counts.
        counter: Above every one that this issuer has used for this device.
        issued_at: UTC, seconds since the epoch.
        expires_at: Likewise; at most MAX_LIFE_S later.
        command: The payload that an unsigned command would have.
    """

    issuer: Name
    device: Name
    verb: Verb
    counter: Counter
    issued_at: Moment
    expires_at: Moment
    command: msgspec.Raw


class _Envelope(_Strict, frozen=True):
    signed: bytes
    signature: bytes


def seal(statement: Statement, key: "Ed25519PrivateKey") -> bytes:
    """Return the envelope of a statement."""
    signed = msgspec.json.encode(statement)
    return msgspec.json.encode(_Envelope(signed=signed, signature=key.sign(signed)))


def unseal(payload: bytes, key: "Ed25519PublicKey") -> Statement:
    """Return the statement in an envelope; nothing in it is parsed before its signature holds.

    Raises:
        CommandError: Too long, not an envelope, another signature, not a statement.
    """
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - an extra

    if len(payload) > MAX_ENVELOPE_BYTES:
        raise CommandError(f"{len(payload)} bytes, allowed are {MAX_ENVELOPE_BYTES}")
    try:
        envelope = msgspec.json.decode(payload, type=_Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        why = "not signed, and this device acts on signed commands only"
        raise CommandError(f"{why}: {error}") from error
    try:
        key.verify(envelope.signature, envelope.signed)
    except InvalidSignature as error:
        raise CommandError("the signature is not the fleet key's") from error
    try:
        return msgspec.json.decode(envelope.signed, type=Statement)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CommandError(f"signed, but no statement: {error}") from error
