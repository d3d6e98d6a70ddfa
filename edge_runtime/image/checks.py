"""What would fail on the device, looked at before anything is written."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edge_runtime.config.credentials import credential_files
from edge_runtime.config.loading import load_config
from edge_runtime.enrolment.pem import read_certificate
from edge_runtime.errors import ImageError
from edge_runtime.image.programs import run

PACKAGE_NAME = "edge-runtime"


@dataclass(frozen=True, slots=True)
class Package:
    """What a Debian package says of itself."""

    path: Path
    name: str
    version: str
    architecture: str


def read_package(path: Path) -> Package:
    """Return a package's own words.

    Raises:
        ImageError: There is no such file, or it is no Debian package.
    """
    if not path.is_file():
        raise ImageError(f"{path}: no such package (deploy/debian/build_package.py makes one)")
    try:
        words = ("Package", "Version", "Architecture")
        name, version, architecture = (
            run("dpkg-deb", "--field", path, word).decode().strip() for word in words
        )
    except ImageError as error:
        raise ImageError(f"{path}: not a Debian package ({error})") from error
    return Package(path, name, version, architecture)


def check_package(package: Package, architecture: str, release: str) -> None:
    """Refuse a package that dpkg on the device would refuse, or that could not start there.

    Args:
        package: Of the daemon.
        architecture: The device's, as Debian calls it.
        release: Whose Python its libraries are for; the package's version ends with "~RELEASE".

    Raises:
        ImageError: Another package, architecture or release.
    """
    if package.name != PACKAGE_NAME:
        raise ImageError(f"{package.path}: package {package.name}, expected {PACKAGE_NAME}")
    if package.architecture != architecture:
        raise ImageError(
            f"{package.path}: architecture {package.architecture}, the device's is {architecture}"
        )
    _, _, built_for = package.version.partition("~")
    if built_for != release:
        raise ImageError(
            f"{package.path}: built for {built_for or 'no release'}, the device's is {release}"
        )


def check_certificates(path: Path, now: datetime | None = None) -> None:
    """Refuse a configuration with a certificate beside it that is not valid now.

    Raises:
        ImageError: Expired, or not valid yet.
        ConfigError: Not a certificate.
    """
    moment = now or datetime.now(UTC)
    here = path.absolute().parent
    for name, file in sorted(credential_files(load_config(path)).items()):
        if name.rpartition("-")[2] in ("ca", "cert") and file.is_relative_to(here):
            certificate = read_certificate(file)
            start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
            if not start <= moment <= end:
                raise ImageError(f"{file}: valid from {start:%Y-%m-%d} to {end:%Y-%m-%d} only")
