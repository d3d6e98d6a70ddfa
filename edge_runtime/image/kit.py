"""Puts a first-boot kit on a stock system's card: all is checked, then written, then read back."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.config.loading import load_config
from edge_runtime.errors import ImageError
from edge_runtime.image.boot_partition import BootPartition, open_boot_partition
from edge_runtime.image.checks import check_certificates, check_package, read_package
from edge_runtime.image.device_files import as_archive, device_files, unit_name
from edge_runtime.image.disks import Machine, check_target
from edge_runtime.image.first_boot import (
    COMMAND_LINE,
    Host,
    StockSystem,
    first_boot_files,
    with_run_once,
)

ARCHITECTURE = "arm64"
SPARE_BYTES = 1 << 20  # of the file allocation table and directories
CLOUD_INIT_SINCE = "2025-10"  # Raspberry Pi OS 13, by the date in issue.txt
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to go where.

    Attributes:
        config: The device's configuration.
        package: Of the daemon, for the device's architecture and release.
        bundles: Beside those that the configuration's own models directory has.
    """

    config: Path
    package: Path
    bundles: Sequence[Path]
    host: Host


def write_kit(
    system: StockSystem, order: Order, target: Path, machine: Machine, tell: Tell
) -> None:
    """Write the kit to an image file, a card or a card's boot directory, and read it back.

    Raises:
        EdgeRuntimeError: Anything is wrong; nothing has been written then.
        ImageError: What was read back differs.
    """
    check_target(target, machine)
    files = kit_files(system, order)
    boot = open_boot_partition(target)
    files |= check_system(system, boot, target)
    check_room(files, boot, target)
    for name, data in files.items():
        boot.write(name, data)
        if hashlib.sha256(boot.read(name)).digest() != hashlib.sha256(data).digest():
            raise ImageError(f"{target}: {name} reads back otherwise; the card is defective")
        tell(f"{name}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}, read back")


def kit_files(system: StockSystem, order: Order) -> dict[str, bytes]:
    """Return the files that do not depend on the card.

    Raises:
        EdgeRuntimeError: Configuration, bundle, certificate or package would fail on the device.
    """
    check_certificates(order.config)
    package = read_package(order.package)
    check_package(package, ARCHITECTURE, system.release)
    archive = as_archive(device_files(order.config, order.bundles))
    unit = unit_name(load_config(order.config).device.id)
    return first_boot_files(system, order.host, unit, package.path.read_bytes(), archive)


def check_system(system: StockSystem, boot: BootPartition, target: Path) -> dict[str, bytes]:
    """Return what the system's own start has to be changed to, where it is the one asked for.

    Raises:
        ImageError: The boot partition is another system's.
    """
    names = boot.names()
    if "issue.txt" in names:
        issue = boot.read("issue.txt").decode(errors="replace")
        found = re.search(r"\d{4}-\d{2}-\d{2}", issue)
        is_newer = found is not None and found[0] >= CLOUD_INIT_SINCE
        actual = StockSystem.RASPIOS_TRIXIE if is_newer else StockSystem.RASPIOS_BOOKWORM
        if found is not None and actual is not system:
            raise ImageError(f"{target}: Raspberry Pi OS of {found[0]}, use --os {actual}")
    if system is StockSystem.UBUNTU and "user-data" not in names:
        raise ImageError(f"{target}: no user-data in its boot partition, so it is not Ubuntu's")
    if system is not StockSystem.RASPIOS_BOOKWORM:
        return {}
    if COMMAND_LINE not in names:
        raise ImageError(f"{target}: no {COMMAND_LINE}, so it is not Raspberry Pi OS's")
    return {COMMAND_LINE: with_run_once(boot.read(COMMAND_LINE))}


def check_room(files: dict[str, bytes], boot: BootPartition, target: Path) -> None:
    """Refuse a boot partition that is too small, the files that it has counted as free.

    Raises:
        ImageError: See above.
    """
    needed, free = sum(map(len, files.values())) + SPARE_BYTES, boot.free_bytes()
    if free < needed:
        raise ImageError(f"{target}: {free} bytes free in its boot partition, {needed} are needed")
