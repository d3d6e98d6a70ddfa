"""Ed25519 keys in PEM files, for signed commands and signed bundles.

Source: RFC 8032 (Ed25519), by way of `cryptography`: an extra, imported where a key is used.
"""

import importlib
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from edge_runtime.errors import ConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

MAX_KEY_BYTES = 4096


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
        raise ConfigError(f"signatures need cryptography: {remedy}") from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_KEY_BYTES)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
