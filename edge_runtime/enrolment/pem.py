"""Keys and certificates as files; the private ones readable by their owner alone."""

import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edge_runtime.errors import ConfigError

MAX_BYTES = 64 << 10
PEM = serialization.Encoding.PEM


def new_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Return a new P-256 key, written to `path` with mode 0600.

    Raises:
        ConfigError: There is a file already, or none can be written.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    kind = serialization.PrivateFormat.PKCS8
    write_new(path, key.private_bytes(PEM, kind, serialization.NoEncryption()), mode=0o600)
    return key


def read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Return the P-256 key in a file.

    Raises:
        ConfigError: Not readable, no key, or another kind.
    """
    data = read(path)
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{path}: not a private key in PEM without a password") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigError(f"{path}: {type(key).__name__}, allowed is an elliptic-curve key (P-256)")
    return key


def read_certificate(path: Path) -> x509.Certificate:
    """Return the certificate in a file.

    Raises:
        ConfigError: Not readable, or no certificate.
    """
    data = read(path)
    try:
        return x509.load_pem_x509_certificate(data)
    except ValueError as error:
        raise ConfigError(f"{path}: not a certificate in PEM") from error


def read(path: Path) -> bytes:
    """Return a small file's content.

    Raises:
        ConfigError: Not readable.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error


def write_new(path: Path, data: bytes, *, mode: int) -> None:
    """Write a file that does not exist yet: a key is never written over.

    Raises:
        ConfigError: It exists, or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError as error:
        raise ConfigError(f"{path}: is there already, and is not written over") from error
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
