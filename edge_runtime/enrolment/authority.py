"""The fleet's own certificate authority: a directory with a key that stays offline.

A device's certificate names its id and can do nothing but be a client; a broker's names its host.
"""

import datetime as dt
import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge_runtime.enrolment.pem import (
    PEM,
    new_key,
    read_certificate,
    read_key,
    write_new,
)
from edge_runtime.errors import ConfigError

KEY_NAME, CERTIFICATE_NAME = "ca.key", "ca.pem"
AUTHORITY_DAYS = 3650
DEVICE_ID = re.compile(r"[a-z0-9-]{1,48}")
BACKDATED = dt.timedelta(days=1)  # a device whose clock lags a little can begin at once
_CLIENT, _SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a certificate says of its holder."""

    name: str
    key: ec.EllipticCurvePublicKey
    usage: x509.ObjectIdentifier
    alternatives: tuple[x509.GeneralName, ...] = ()


class Authority:
    """Signs for one fleet."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate

    @classmethod
    def create(cls, directory: Path, fleet: str) -> Self:
        """Return a new authority; its key and certificate are written to `directory`.

        Raises:
            ConfigError: There is one already, or the directory cannot be written.
        """
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"{directory}: {error.strerror}") from error
        key = new_key(directory / KEY_NAME)
        name = _common_name(f"{fleet} fleet authority")
        certificate = (
            _builder(name, name, key.public_key(), AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        write_new(directory / CERTIFICATE_NAME, certificate.public_bytes(PEM), mode=0o644)
        return cls(key, certificate)

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Return the authority of a directory.

        Raises:
            ConfigError: Its files are missing, unreadable, or no key and certificate.
        """
        certificate = read_certificate(directory / CERTIFICATE_NAME)
        return cls(read_key(directory / KEY_NAME), certificate)

    def sign_device(self, request: bytes, device: str, days: int) -> bytes:
        """Return the certificate (PEM) that a device asked for.

        Args:
            request: PEM, as the device made it.
            device: Who it is meant to be: a request for another name is not signed.
            days: Until it expires.

        Raises:
            ConfigError: Not a request, not signed by its own key, or for another device.
        """
        if not DEVICE_ID.fullmatch(device):
            raise ConfigError(f"device {device!r}, allowed is {DEVICE_ID.pattern}")
        try:
            asked = x509.load_pem_x509_csr(request)
        except ValueError as error:
            raise ConfigError("not a certificate signing request in PEM") from error
        if not asked.is_signature_valid:
            raise ConfigError("the request is not signed by the key in it")
        names = [str(name.value) for name in asked.subject]
        if names != [device]:
            raise ConfigError(f"the request is for {', '.join(names)!r}, not for {device!r}")
        key = asked.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise ConfigError(f"the request's key is {type(key).__name__}, allowed is P-256")
        return self._sign(_Subject(device, key, _CLIENT), days)

    def issue_broker(self, host: str, key_path: Path, days: int) -> bytes:
        """Return the certificate (PEM) of a broker, whose new key is written to `key_path`.

        Raises:
            ConfigError: The key cannot be written, or is there already.
        """
        key = new_key(key_path).public_key()
        try:
            alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            alternative = x509.DNSName(host)
        return self._sign(_Subject(host, key, _SERVER, (alternative,)), days)

    def _sign(self, subject: _Subject, days: int) -> bytes:
        issuer = self._certificate.subject
        builder = (
            _builder(_common_name(subject.name), issuer, subject.key, days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([subject.usage]), critical=False)
        )
        if subject.alternatives:
            names = x509.SubjectAlternativeName(subject.alternatives)
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(PEM)


def _common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + dt.timedelta(days=days))
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
