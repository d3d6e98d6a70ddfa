"""Signatures of bundles: a bundle's hashes say that it is whole, its signature says who made it.

`manifest.sig` lies beside the manifest: `{"key": fingerprint, "signature": base64}`, over the very
bytes of the manifest, which holds the SHA-256 of every other file.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge_runtime.config.structs import Config
from edge_runtime.errors import BundleError
from edge_runtime.keys import read_private_key, read_public_key
from edge_runtime.manifest import MANIFEST_NAME, load_bundle

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SIGNATURE_NAME = "manifest.sig"
MAX_SIGNATURE_BYTES = 1024
_MEANING = b"edge.bundle/1\n"  # a signature over something else never counts as one over a bundle


class _Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: str
    signature: bytes


@dataclass(frozen=True, slots=True, eq=False)
class ModelKey:
    """The public key of who may make bundles for this device."""

    public: "Ed25519PublicKey"

    def check(self, directory: Path, manifest: bytes) -> None:
        """Refuse a bundle that this key did not sign; nothing of it is parsed before.

        Raises:
            BundleError: No signature, another key's, or of another manifest.
        """
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - an extra

        found = _read(directory / SIGNATURE_NAME)
        own = fingerprint(self.public)
        if found.key != own:
            raise BundleError(
                f"{directory}: signed by the key {found.key[:16]!r}, allowed is {own}"
            )
        try:
            self.public.verify(found.signature, _MEANING + manifest)
        except InvalidSignature as error:
            raise BundleError(f"{directory}: the signature is not that of this manifest") from error

    def signed(self, directory: Path) -> bool:
        """Return whether this key signed the manifest of a bundle; its files are not looked at."""
        try:
            self.check(directory, (directory / MANIFEST_NAME).read_bytes())
        except (BundleError, OSError):
            return False
        return True


def model_key(config: Config) -> ModelKey | None:
    """Return the key that a configuration's bundles have to be signed with.

    Raises:
        ConfigError: It cannot be read, or is none.
    """
    path = config.models_key_file
    return None if path is None else read_model_key(Path(path))


def read_model_key(path: Path) -> ModelKey:
    """Return the key in a PEM file.

    Raises:
        ConfigError: As `edge_runtime.keys.read_public_key`.
    """
    return ModelKey(read_public_key(path))


def sign_bundle(directory: Path, key: Path) -> Path:
    """Write the signature of a whole bundle, over an older one; return its file.

    Raises:
        BundleError: The bundle is not whole, or the directory takes no file.
        ConfigError: The private key cannot be used.
    """
    private = read_private_key(key)
    load_bundle(directory)
    manifest = (directory / MANIFEST_NAME).read_bytes()
    signature = _Signature(fingerprint(private.public_key()), private.sign(_MEANING + manifest))
    path = directory / SIGNATURE_NAME
    try:
        path.write_bytes(msgspec.json.encode(signature) + b"\n")
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror or error}") from error
    return path


def fingerprint(key: "Ed25519PublicKey") -> str:
    """Return 16 hexadecimal digits that name a public key."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def _read(path: Path) -> _Signature:
    if path.is_symlink():
        raise BundleError(f"{path}: not a plain file")
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(MAX_SIGNATURE_BYTES), type=_Signature)
    except FileNotFoundError as error:
        raise BundleError(f"{path.parent}: not signed, no {path.name}") from error
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror or error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"{path}: {error}") from error
