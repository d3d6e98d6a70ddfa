"""A certificate says who its holder is and nothing more; what does not fit is not signed."""

import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from edge_runtime.config.loading import decode_config
from edge_runtime.config.structs import Config
from edge_runtime.enrolment.authority import Authority
from edge_runtime.enrolment.request import signing_request
from edge_runtime.errors import ConfigError

PEM = serialization.Encoding.PEM


def config_of(directory: Path, device: str = "porch-pi") -> Config:
    tls = f'tls = {{ ca = "ca.pem", cert = "c.pem", key = "{directory}/device.key" }}'
    return decode_config(f"""
[device]
id = "{device}"
[mqtt]
host = "b"
{tls}
[[pipeline]]
name = "p"
model = "m"
source = {{ kind = "synthetic" }}
""")


def request_for(name: str, key: object = None) -> bytes:
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return builder.sign(key, algorithm).public_bytes(PEM)


def test_a_device_makes_its_key_once_and_asks_for_its_own_name(tmp_path: Path) -> None:
    first = signing_request(config_of(tmp_path))
    key = (tmp_path / "device.key").read_bytes()
    again = signing_request(config_of(tmp_path))

    asked = x509.load_pem_x509_csr(again)
    assert asked.public_key() == x509.load_pem_x509_csr(first).public_key()
    assert [name.value for name in asked.subject] == ["porch-pi"]
    assert (tmp_path / "device.key").read_bytes() == key
    assert stat.S_IMODE((tmp_path / "device.key").stat().st_mode) == 0o600


def test_a_configuration_without_a_key_is_refused() -> None:
    config = decode_config(
        '[device]\nid="p"\n[[pipeline]]\nname="p"\nmodel="m"\nsource={kind="synthetic"}\n'
    )

    with pytest.raises(ConfigError, match=r"mqtt\.tls\.key: absent"):
        signing_request(config)


def test_a_device_certificate_is_for_a_client_of_that_name(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path / "fleet", "home")

    pem = Authority.open(tmp_path / "fleet").sign_device(request_for("porch-pi"), "porch-pi", 30)

    certificate = x509.load_pem_x509_certificate(pem)
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert [name.value for name in certificate.subject] == ["porch-pi"]
    assert list(usage) == [x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not constraints.ca
    certificate.verify_directly_issued_by(
        x509.load_pem_x509_certificate((tmp_path / "fleet" / "ca.pem").read_bytes())
    )
    assert isinstance(authority, Authority)


@pytest.mark.parametrize(
    ("request_pem", "device", "message"),
    [
        (request_for("porch-pi"), "yard-pi", "is for 'porch-pi', not for 'yard-pi'"),
        (request_for("Porch"), "Porch", "device 'Porch', allowed is"),
        (b"hello", "porch-pi", "not a certificate signing request"),
        (
            request_for("porch-pi", ed25519.Ed25519PrivateKey.generate()),
            "porch-pi",
            "allowed is P-256",
        ),
    ],
)
def test_what_does_not_fit_is_not_signed(
    tmp_path: Path, request_pem: bytes, device: str, message: str
) -> None:
    authority = Authority.create(tmp_path, "home")

    with pytest.raises(ConfigError, match=message):
        authority.sign_device(request_pem, device, 30)


def test_a_request_that_was_changed_is_not_signed(tmp_path: Path) -> None:
    der = bytearray(
        x509.load_pem_x509_csr(request_for("porch-pi")).public_bytes(serialization.Encoding.DER)
    )
    der[-1] ^= 1
    try:
        changed = x509.load_der_x509_csr(bytes(der)).public_bytes(PEM)
    except ValueError:
        pytest.skip("the change broke the encoding")

    with pytest.raises(ConfigError, match="not signed by the key in it"):
        Authority.create(tmp_path, "home").sign_device(changed, "porch-pi", 30)


def test_an_authority_is_never_written_over(tmp_path: Path) -> None:
    Authority.create(tmp_path, "home")

    with pytest.raises(ConfigError, match="is there already"):
        Authority.create(tmp_path, "home")


@pytest.mark.parametrize("host", ["broker.local", "192.168.1.10"])
def test_a_brokers_certificate_names_its_host(tmp_path: Path, host: str) -> None:
    authority = Authority.create(tmp_path, "home")

    certificate = x509.load_pem_x509_certificate(
        authority.issue_broker(host, tmp_path / "broker.key", 30)
    )

    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == [host]


@pytest.mark.parametrize(
    ("name", "content"),
    [("ca.key", b""), ("ca.pem", b"no certificate"), ("ca.key", b"-----BEGIN X-----")],
)
def test_a_damaged_authority_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    Authority.create(tmp_path, "home")
    (tmp_path / name).write_bytes(content)

    with pytest.raises(ConfigError, match=name):
        Authority.open(tmp_path)


def test_no_authority_and_no_place_for_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        Authority.open(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="Not a directory"):
        Authority.create(tmp_path / "file" / "fleet", "home")


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    Authority.create(tmp_path, "home")
    key = ed25519.Ed25519PrivateKey.generate()
    kind = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(PEM, kind, serialization.NoEncryption())
    (tmp_path / "ca.key").write_bytes(pem)

    with pytest.raises(ConfigError, match="allowed is an elliptic-curve key"):
        Authority.open(tmp_path)
