"""A signed command: who says what to which device, how long it holds, and the proof (ed25519).

The envelope is JSON, `{"signed": base64, "signature": base64}`. The signature is over the very
bytes that are then parsed, so there is no second way to write the same statement.
Source: RFC 8032 (Ed25519), by way of `cryptography`.
"""

import importlib
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, TypeAlias

import msgspec

from edge_runtime.errors import ConfigError
from edge_runtime.remote.commands import CommandError

if TYPE_CHECKING:  # an extra: imported where a key is configured
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

MAX_ENVELOPE_BYTES = 16_384
MAX_KEY_BYTES = 4096
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


def read_public_key(path: Path) -> "Ed25519PublicKey":
    """Return the key in a PEM file.

    Raises:
        ConfigError: `cryptography` is missing, the file cannot be read, or holds no such key.
    """
    pem = _read(path)
    keys = _ed25519()
    try:
        key = _serialization().load_pem_public_key(pem)
    except ValueError as error:
        raise ConfigError(f"{path}: not a public key in PEM") from error
    if not isinstance(key, keys.Ed25519PublicKey):
        raise ConfigError(f"{path}: {type(key).__name__}, allowed is an Ed25519 public key")
    checked: Ed25519PublicKey = key
    return checked


def read_private_key(path: Path) -> "Ed25519PrivateKey":
    """Return the key in a PEM file without a password; for whoever signs, never on a device.

    Raises:
        ConfigError: As `read_public_key`.
    """
    pem = _read(path)
    keys = _ed25519()
    try:
        key = _serialization().load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{path}: not a private key in PEM without a password") from error
    if not isinstance(key, keys.Ed25519PrivateKey):
        raise ConfigError(f"{path}: {type(key).__name__}, allowed is an Ed25519 private key")
    checked: Ed25519PrivateKey = key
    return checked


def _ed25519() -> ModuleType:
    return _part_of_cryptography("asymmetric.ed25519")


def _serialization() -> ModuleType:
    return _part_of_cryptography("serialization")


def _part_of_cryptography(name: str) -> ModuleType:
    try:
        return importlib.import_module(f"cryptography.hazmat.primitives.{name}")
    except ImportError as error:
        remedy = "pip install 'edge-runtime[signing]'"
        raise ConfigError(f"commands.fleet_key_file needs cryptography: {remedy}") from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_KEY_BYTES)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
