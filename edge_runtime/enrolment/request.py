"""The device's side: its key, and what it asks the fleet's authority to sign."""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from edge_runtime.config.structs import Config
from edge_runtime.enrolment.pem import PEM, new_key, read_key
from edge_runtime.errors import ConfigError


def signing_request(config: Config) -> bytes:
    """Return the request (PEM) for the device of a configuration; its key is made where missing.

    The key stands where `mqtt.tls.key` says; it is never printed and never written over.

    Raises:
        ConfigError: The configuration names no key, or the key cannot be made or read.
    """
    tls = config.mqtt.tls
    if tls is None or tls.key is None:
        raise ConfigError("mqtt.tls.key: absent; it says where the device's key is to stand")
    path = Path(tls.key)
    key = read_key(path) if path.exists() else new_key(path)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, config.device.id)])
    request = x509.CertificateSigningRequestBuilder().subject_name(name)
    return request.sign(key, hashes.SHA256()).public_bytes(PEM)
