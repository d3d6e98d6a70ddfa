"""Kits on real FAT partitions; every refusal leaves the image as it was."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_runtime.errors import EdgeRuntimeError, ImageError
from edge_runtime.image.boot_partition import FatPartition, fat_partition
from edge_runtime.image.disks import this_machine
from edge_runtime.image.first_boot import Host, Person, StockSystem
from edge_runtime.image.kit import Order, write_kit
from tests.edge_runtime.image.cards import (
    BOOKWORM,
    MIB,
    TRIXIE,
    UBUNTU,
    certificate,
    config,
    package,
    stock_image,
)

pytestmark = pytest.mark.card
HOST = Host("porch", Person("edge", ()))


def order_in(directory: Path, release: str = "bookworm", **changes: str) -> Order:
    made = package(directory, version=f"0.1.0~{release}")
    bundles = [directory / "bundles/brightness"]
    return Order(config(directory, **changes), made, bundles, HOST)


def write(system: StockSystem, order: Order, target: Path) -> list[str]:
    said: list[str] = []
    write_kit(system, order, target, this_machine(), said.append)
    return said


@pytest.mark.parametrize(
    ("system", "files"),
    [
        (StockSystem.RASPIOS_BOOKWORM, BOOKWORM),
        (StockSystem.RASPIOS_TRIXIE, TRIXIE),
        (StockSystem.UBUNTU, UBUNTU),
    ],
)
def test_an_image_gets_its_systems_kit_and_keeps_the_rest(
    tmp_path: Path, system: StockSystem, files: dict[str, bytes]
) -> None:
    image = stock_image(tmp_path / "os.img", files)
    order = order_in(tmp_path, system.release)

    said = write(system, order, image)

    boot = FatPartition(image, fat_partition(image))
    assert boot.read("edge-runtime.deb") == order.package.read_bytes()
    kernel = next(name for name in files if name.startswith(("kernel", "vmlinuz")))
    assert boot.read(kernel) == files[kernel]
    digest = hashlib.sha256(order.package.read_bytes()).hexdigest()
    assert any(digest in line and "read back" in line for line in said)
    if system is StockSystem.RASPIOS_BOOKWORM:
        assert b"systemd.run=/boot/firmware/firstrun.sh" in boot.read("cmdline.txt")
    else:
        assert b"edge-runtime-install.sh" in boot.read("user-data")


def test_a_mounted_cards_directory_gets_it_too(tmp_path: Path) -> None:
    boot = tmp_path / "bootfs"
    boot.mkdir()
    for name, data in UBUNTU.items():
        (boot / name).write_bytes(data)

    write(StockSystem.UBUNTU, order_in(tmp_path, "noble"), boot)

    assert b"edge-runtime-install.sh" in (boot / "user-data").read_bytes()


def small(directory: Path) -> tuple[Order, Path]:
    order = order_in(directory)
    order.package.write_bytes(order.package.read_bytes() + bytes(16 * MIB))  # trailing bytes: legal
    return order, stock_image(directory / "os.img", BOOKWORM)


def without_kernel(directory: Path) -> tuple[Order, Path]:
    return order_in(directory), stock_image(directory / "os.img", {"cmdline.txt": b"x"})


def without_fat(directory: Path) -> tuple[Order, Path]:
    return order_in(directory), stock_image(directory / "os.img", BOOKWORM, kind="83")


def without_table(directory: Path) -> tuple[Order, Path]:
    (directory / "os.img").write_bytes(bytes(MIB))
    return order_in(directory), directory / "os.img"


def cut_off(directory: Path) -> tuple[Order, Path]:
    image = stock_image(directory / "os.img", BOOKWORM)
    with image.open("r+b") as file:
        file.truncate(21 * MIB)
    return order_in(directory), image


def expired(directory: Path) -> tuple[Order, Path]:
    certificate(directory / "ca.pem", days_left=-1)
    image = stock_image(directory / "os.img", BOOKWORM)
    return order_in(directory, mqtt='tls = { ca = "ca.pem" }'), image


def other_architecture(directory: Path) -> tuple[Order, Path]:
    order = Order(config(directory), package(directory, architecture="armhf"), [], HOST)
    return order, stock_image(directory / "os.img", BOOKWORM)


def newer_system(directory: Path) -> tuple[Order, Path]:
    return order_in(directory), stock_image(directory / "os.img", TRIXIE)


def without_command_line(directory: Path) -> tuple[Order, Path]:
    return order_in(directory), stock_image(directory / "os.img", {"kernel8.img": b"k"})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (small, r"bytes free in its boot partition, \d+ are needed"),
        (without_kernel, "no kernel in its boot partition"),
        (without_fat, "no FAT partition among those of types 83, 83"),
        (without_table, "no partition table"),
        (cut_off, "its partitions need 25165824; is it whole"),
        (expired, "valid from"),
        (other_architecture, "architecture armhf, the device's is arm64"),
        (newer_system, "Raspberry Pi OS of 2025-12-04, use --os raspios-trixie"),
        (without_command_line, "no cmdline.txt, so it is not Raspberry Pi OS's"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_written(
    tmp_path: Path, make: Callable[[Path], tuple[Order, Path]], message: str
) -> None:
    order, image = make(tmp_path)
    before = hashlib.sha256(image.read_bytes()).digest()

    with pytest.raises(EdgeRuntimeError, match=message):
        write(StockSystem.RASPIOS_BOOKWORM, order, image)

    assert hashlib.sha256(image.read_bytes()).digest() == before


def test_ubuntus_kit_is_not_written_to_another_system(tmp_path: Path) -> None:
    image = stock_image(tmp_path / "os.img", {"vmlinuz": b"k"})

    with pytest.raises(ImageError, match="no user-data in its boot partition"):
        write(StockSystem.UBUNTU, order_in(tmp_path, "noble"), image)


def test_a_card_that_reads_back_otherwise_is_called_defective(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = stock_image(tmp_path / "os.img", BOOKWORM)
    order = order_in(tmp_path)
    real = FatPartition.read
    monkeypatch.setattr(
        FatPartition, "read", lambda boot, name: real(boot, name) + b"!" * name.endswith(".deb")
    )

    with pytest.raises(ImageError, match=r"edge-runtime\.deb reads back otherwise"):
        write(StockSystem.RASPIOS_BOOKWORM, order, image)
