"""The commands `edge-runtime image kit|build|jetson-kit`."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from edge_runtime.config.loading import load_config, read_secret
from edge_runtime.enrolment.pem import read
from edge_runtime.errors import ImageError
from edge_runtime.image.base import ARCHITECTURE, SUITE, is_made, make_base, recipe_of
from edge_runtime.image.card import Card, sha256_of, write_card
from edge_runtime.image.checks import check_certificates, check_package, read_package
from edge_runtime.image.device_files import device_files
from edge_runtime.image.disks import check_target, this_machine
from edge_runtime.image.first_boot import Person, StockSystem, checked_host
from edge_runtime.image.jetson import write_jetson_kit
from edge_runtime.image.kit import Order, write_kit
from edge_runtime.image.wifi import wifi as join_wifi

UNITS = {"M": 1 << 20, "G": 1 << 30}
Command = Callable[..., Any]
FILE = click.Path(path_type=Path, dir_okay=False)
CONFIG = click.argument("config", type=FILE)
PACKAGE = click.option(
    "--package", type=FILE, required=True, help="The daemon's Debian package for the device."
)
BUNDLES = click.option(
    "--bundle", "bundles", type=click.Path(path_type=Path, file_okay=False), multiple=True,
    help="A model that CONFIG names; may be given several times.",
)  # fmt: skip
HOSTNAME = click.option("--hostname", help="The device's id where it is left out.")
SSH_KEY = click.option("--ssh-key", type=FILE, help="Public key of who may log in; else nobody.")


@click.group(
    epilog="""\b
Examples:
  edge-runtime image kit --os raspios-trixie porch.toml --package er.deb --out raspios.img
  edge-runtime image build porch.toml --package er.deb --bundle models/door --out sd.img
"""
)
def image() -> None:
    """Make what a device starts from: a kit for a stock system's card, or a card of our own."""


@image.command(
    epilog="""\b
Examples:
  edge-runtime image kit --os raspios-trixie porch.toml --package er.deb --out raspios.img
  edge-runtime image kit --os ubuntu porch.toml --package er.deb --out /media/me/system-boot \\
    --wifi home --wifi-password-file wifi.txt --wifi-country DE --ssh-key ~/.ssh/id_ed25519.pub
"""
)
@CONFIG
@click.option("--os", "system", type=click.Choice([*StockSystem]), required=True)
@PACKAGE
@BUNDLES
@click.option(
    "--out", type=click.Path(path_type=Path), required=True,
    help="Image file, card that is not mounted, or a mounted card's boot directory.",
)  # fmt: skip
@HOSTNAME
@click.option("--user", default="edge", show_default=True, help="Who may log in.")
@SSH_KEY
@click.option("--wifi", "ssid", help="Name of a Wi-Fi network.")
@click.option("--wifi-password-file", type=FILE, help="Its password, one line.")
@click.option("--wifi-country", default="", help="Two capitals; needed with --wifi.")
def kit(  # noqa: PLR0913 - the command's options
    config: Path, *, system: str, package: Path, bundles: tuple[Path, ...], out: Path,
    hostname: str | None, user: str, ssh_key: Path | None, ssid: str | None,
    wifi_password_file: Path | None, wifi_country: str,
) -> None:  # fmt: skip
    """Have the first boot of a stock system install the daemon, CONFIG and its bundles."""
    if (ssid is None) != (wifi_password_file is None):
        raise click.UsageError("--wifi and --wifi-password-file belong together")
    network = None
    if ssid is not None and wifi_password_file is not None:
        network = join_wifi(ssid, read_secret(wifi_password_file), wifi_country)
    name = hostname or load_config(config).device.id
    host = checked_host(name, Person(user, _keys(ssh_key)), network)
    order = Order(config, package, bundles, host)
    write_kit(StockSystem(system), order, out, this_machine(), click.echo)


@image.command(
    epilog="""\b
Example:
  edge-runtime image build porch.toml --package er_arm64.deb --bundle models/door --out sd.img
"""
)
@CONFIG
@PACKAGE
@BUNDLES
@click.option("--out", type=FILE, required=True, help="A file; written over where it exists.")
@click.option("--arch", type=click.Choice([ARCHITECTURE]), default=ARCHITECTURE, show_default=True)
@click.option("--size", default="4G", show_default=True, help="Of the image: 3500M, 8G.")
@click.option(
    "--base", type=click.Path(path_type=Path, file_okay=False), default=Path("image-base"),
    show_default=True, help="What all devices share: made once, used again.",
)  # fmt: skip
@click.option("--read-only-root", is_flag=True, help="Write to the data partition only.")
@click.option(
    "--pi-firmware/--no-pi-firmware", default=True, show_default=True,
    help="What a Raspberry Pi 3 or 4 starts with (Debian's non-free-firmware).",
)  # fmt: skip
@click.option("--mirror", default="http://deb.debian.org/debian", show_default=True)
@click.option("--security", default="http://deb.debian.org/debian-security", show_default=True)
@HOSTNAME
@SSH_KEY
def build(  # noqa: PLR0913 - the command's options
    config: Path, *, package: Path, bundles: tuple[Path, ...], out: Path, arch: str, size: str,
    base: Path, mirror: str, security: str, hostname: str | None, ssh_key: Path | None,
    read_only_root: bool, pi_firmware: bool,
) -> None:  # fmt: skip
    """Make a bootable Debian 12 card of our own for CONFIG (as root).

    For QEMU's `virt`, where it was run, and for Raspberry Pi 3 and 4, where it was not. Debian 12's
    kernel and firmware do not know the Raspberry Pi 5: take `kit` for that one.
    """
    tell = _with_time(click.echo)
    if out.exists():
        check_target(out, this_machine())
    check_certificates(config)
    chosen = read_package(package)
    check_package(chosen, arch, SUITE)
    host = checked_host(
        hostname or load_config(config).device.id, Person("root", _keys(ssh_key)), None
    )
    files = device_files(config, bundles)
    card = Card(host.name, files, host.person.ssh_keys, _bytes(size), read_only_root)
    recipe = recipe_of(chosen, mirror, security, has_firmware=pi_firmware)
    if not is_made(base, recipe):
        tell(f"{base}: Debian {SUITE} {arch} and {chosen.path.name}; some minutes")
        make_base(base, chosen, recipe)
    tell(f"{base}: ready")
    write_card(card, base, out, tell)
    tell(f"{out}: {out.stat().st_size} bytes, sha256 {sha256_of(out)}")


@image.command(
    "jetson-kit",
    epilog="""\b
Example:
  edge-runtime image jetson-kit porch.toml --jetpack 7 --package er_noble.deb --out jetson
""",
)
@CONFIG
@click.option("--jetpack", type=click.Choice(["6", "7"]), required=True)
@click.option("--package", type=FILE, help="JetPack 7: the package built for noble, arm64.")
@click.option("--container", type=FILE, help="JetPack 6: the container as an OCI archive, arm64.")
@BUNDLES
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
def jetson_kit(
    config: Path, *, jetpack: str, package: Path | None, container: Path | None,
    bundles: tuple[Path, ...], out: Path,
) -> None:  # fmt: skip
    """Write a directory to copy to a Jetson and run there once. It was never run on one."""
    check_certificates(config)
    write_jetson_kit(config, bundles, {"6": container, "7": package}[jetpack], int(jetpack), out)
    click.echo(f"{out}: copy it to the Jetson, and run `sudo sh install.sh` there")


def _keys(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    lines = read(path).decode("utf-8", "replace").splitlines()
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def _bytes(text: str) -> int:
    number, unit = text[:-1], text[-1:].upper()
    if unit not in UNITS or not number.isdigit():
        raise ImageError(f"--size {text}: allowed are whole numbers of M or G, such as 3500M")
    return int(number) * UNITS[unit]


def _with_time(tell: Callable[[str], None]) -> Callable[[str], None]:
    begun = time.monotonic()
    return lambda text: tell(f"{time.monotonic() - begun:6.1f} s  {text}")
