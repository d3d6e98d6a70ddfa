from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_runtime.errors import ConfigError, ImageError
from edge_runtime.image.checks import check_certificates, check_package, read_package
from tests.edge_runtime.image.cards import certificate, config, package

pytestmark = pytest.mark.card


def test_a_package_for_the_device_is_taken(tmp_path: Path) -> None:
    found = read_package(package(tmp_path))

    check_package(found, "arm64", "bookworm")
    assert (found.name, found.version) == ("edge-runtime", "0.1.0~bookworm")


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    found = read_package(package(tmp_path, architecture="amd64"))

    with pytest.raises(ImageError, match="architecture amd64, the device's is arm64"):
        check_package(found, "arm64", "bookworm")


@pytest.mark.parametrize(("version", "said"), [("0.1.0~trixie", "trixie"), ("0.1.0", "no release")])
def test_another_release_is_refused(tmp_path: Path, version: str, said: str) -> None:
    found = read_package(package(tmp_path, version=version))

    with pytest.raises(ImageError, match=f"built for {said}, the device's is bookworm"):
        check_package(found, "arm64", "bookworm")


def test_another_package_is_refused(tmp_path: Path) -> None:
    found = read_package(package(tmp_path, name="busybox"))

    with pytest.raises(ImageError, match="package busybox, expected edge-runtime"):
        check_package(found, "arm64", "bookworm")


def test_what_is_no_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.deb").write_bytes(b"no package")

    with pytest.raises(ImageError, match=r"x\.deb: not a Debian package"):
        read_package(tmp_path / "x.deb")
    with pytest.raises(ImageError, match="no such package"):
        read_package(tmp_path / "y.deb")


def test_an_expired_certificate_is_refused_with_its_dates(tmp_path: Path) -> None:
    certificate(tmp_path / "ca.pem", days_left=-1)

    with pytest.raises(ImageError, match=r"ca\.pem: valid from \d{4}-\d\d-\d\d to .* only"):
        check_certificates(config(tmp_path, mqtt='tls = { ca = "ca.pem" }'))


def test_a_certificate_that_is_not_valid_yet_is_refused(tmp_path: Path) -> None:
    certificate(tmp_path / "ca.pem", days_left=9)
    path = config(tmp_path, mqtt='tls = { ca = "ca.pem" }')

    check_certificates(path)
    with pytest.raises(ImageError, match="valid from"):
        check_certificates(path, datetime(2001, 1, 1, tzinfo=UTC))


def test_what_is_no_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nonsense")

    with pytest.raises(ConfigError, match=r"ca\.pem: not a certificate"):
        check_certificates(config(tmp_path, mqtt='tls = { ca = "ca.pem" }'))


def test_a_certificate_of_the_devices_own_is_not_looked_for(tmp_path: Path) -> None:
    check_certificates(config(tmp_path, mqtt='tls = { ca = "/nowhere/ca.pem" }'))
