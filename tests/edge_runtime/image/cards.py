"""Small real cards and packages, made by the tools that the command uses."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from edge_runtime.image.boot_partition import FatPartition, Partition
from edge_runtime.image.programs import run
from tests.edge_runtime.bundles import brightness_bundle

MIB = 1 << 20
BOOKWORM = {"kernel8.img": b"k" * 1000, "cmdline.txt": b"console=tty1 root=PARTUUID=1-02 quiet\n",
            "issue.txt": b"Raspberry Pi reference 2024-11-19\n"}  # fmt: skip
TRIXIE = {"kernel8.img": b"k", "issue.txt": b"Raspberry Pi reference 2025-12-04\n"}
UBUNTU = {"vmlinuz": b"k", "user-data": b"#cloud-config\n", "network-config": b"", "meta-data": b""}
CONFIG = """
[device]
id = "porch"
[mqtt]
host = "broker.local"
{mqtt}
[[pipeline]]
name = "door"
model = "{model}"
source = {{ kind = "synthetic" }}
"""


def stock_image(path: Path, files: dict[str, bytes], *, fat_mib: int = 16, kind: str = "c") -> Path:
    """A FAT partition with files and a Linux partition, as published images have them."""
    with path.open("wb") as file:
        file.truncate((fat_mib + 8) * MIB)
    table = f"label: dos\nstart=8192, size={fat_mib * 2048}, type={kind}\n"
    table += f"start={8192 + fat_mib * 2048}, type=83\n"
    run("sfdisk", "--quiet", path, stdin=table.encode())
    run("mkfs.vfat", "--offset", "8192", path, str(fat_mib * 1024))
    boot = FatPartition(path, Partition(4 * MIB, fat_mib * MIB, "c"))
    for name, data in files.items():
        boot.write(name, data)
    return path


def package(
    directory: Path, *, architecture: str = "arm64", version: str = "0.1.0~bookworm",
    name: str = "edge-runtime",
) -> Path:  # fmt: skip
    """A Debian package with nothing in it but its own words."""
    control = directory / f"{architecture}-{version}" / "DEBIAN" / "control"
    control.parent.mkdir(parents=True)
    control.write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n"
        "Maintainer: nobody <nobody@localhost>\nDescription: a test\n"
    )
    path = directory / f"{architecture}-{version}.deb"
    tree = control.parents[1]
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "--build", tree, path], check=True, capture_output=True
    )
    return path


def config(directory: Path, *, mqtt: str = "", model: str = "brightness") -> Path:
    """A configuration with its bundle in the directory `bundles` beside it."""
    if not (directory / "bundles").exists():
        brightness_bundle(directory / "bundles")
    path = directory / "porch.toml"
    path.write_text(CONFIG.format(mqtt=mqtt, model=model))
    return path


def certificate(path: Path, *, days_left: int) -> Path:
    """A self-signed certificate that expires in so many days, or did."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "porch")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=100))
        .not_valid_after(now + timedelta(days=days_left))
        .sign(key, hashes.SHA256())
    )
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(made.public_bytes(Encoding.PEM))
    return path
