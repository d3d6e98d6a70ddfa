"""Keys as files, made anew for each test."""

from pathlib import Path

from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge_runtime.keys import read_private_key, read_public_key


def key_files(directory: Path) -> tuple[Path, Path]:
    """The private and the public half."""
    key = Ed25519PrivateKey.generate()
    private, public = directory / "fleet.key", directory / "fleet.pub"
    private.write_bytes(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()))
    form = s.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(s.Encoding.PEM, form))
    assert read_private_key(private).public_key() == read_public_key(public)
    return private, public
