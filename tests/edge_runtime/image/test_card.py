"""A whole card from a small tree: real partitions and file systems, no root and no emulation."""

import subprocess
from pathlib import Path, PurePosixPath

import pytest

from edge_runtime.errors import ImageError
from edge_runtime.image.boot_partition import FatPartition, fat_partition, read_partitions
from edge_runtime.image.card import Card, lay_out, sha256_of, write_card
from edge_runtime.image.device_files import DeviceFile
from edge_runtime.image.layout import MIB
from edge_runtime.image.programs import run

pytestmark = pytest.mark.card
VERSION = "6.1.0-1-arm64"
FILE = DeviceFile(PurePosixPath("/etc/edge-runtime/porch.toml"), b"[device]\n")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """What a base has of everything, in small."""
    tree = tmp_path / "base/tree"
    modules = tree / "usr/lib/modules" / VERSION
    boards = tree / f"usr/lib/linux-image-{VERSION}/broadcom"
    for place in (modules, boards, tree / "boot", tree / "usr/bin", tree / "usr/lib/raspi-firmware",
                  tree / "etc/ssh", tree / "var/log"):  # fmt: skip
        place.mkdir(parents=True)
    (modules / "modules.dep").write_text("kernel/ext4.ko:\nkernel/virtio_blk.ko:\n")
    (modules / "modules.builtin").write_text("")
    (modules / "kernel").mkdir()
    for name in ("ext4.ko", "virtio_blk.ko"):
        (modules / "kernel" / name).write_bytes(b"module")
    (tree / f"boot/vmlinuz-{VERSION}").write_bytes(b"kernel")
    (tree / "usr/bin/busybox").write_bytes(b"busybox")
    (tree / "usr/lib/raspi-firmware/start4.elf").write_bytes(b"firmware")
    (boards / "bcm2711-rpi-4-b.dtb").write_bytes(b"board")
    (tree / "etc/ssh/ssh_host_rsa_key").write_text("everybody's")
    return tmp_path / "base"


def card(*, mib: int = 700, is_root_read_only: bool = False, keys: tuple[str, ...] = ()) -> Card:
    return Card("porch", (FILE,), keys, mib * MIB, is_root_read_only)


def test_a_card_has_what_starts_it_two_roots_and_its_data(tmp_path: Path, base: Path) -> None:
    said: list[str] = []

    write_card(card(), base, tmp_path / "sd.img", said.append)

    image = tmp_path / "sd.img"
    boot = FatPartition(image, fat_partition(image))
    assert boot.read("vmlinuz") == b"kernel"
    assert {"initrd.img", "config.txt", "start4.elf", "bcm2711-rpi-4-b.dtb"} <= boot.names()
    assert boot.read("cmdline.txt").count(b"root=LABEL=root-a") == 1
    partitions = list(read_partitions(image))
    assert [partition.kind for partition in partitions] == ["c", "83", "83", "83"]
    assert partitions[1].size_bytes == partitions[2].size_bytes
    assert image.stat().st_size == 700 * MIB
    root = f"{image}?offset={partitions[1].start_bytes}"
    assert run("debugfs", "-R", "cat /etc/edge-runtime/porch.toml", root) == b"[device]\n"
    assert b"LABEL=data /var ext4" in run("debugfs", "-R", "cat /etc/fstab", root)
    assert b"ssh_host" not in run("debugfs", "-R", "ls /etc/ssh", root)
    data = f"{image}?offset={partitions[3].start_bytes}"
    assert b"log" in run("debugfs", "-R", "ls /", data)
    assert len(said) == 2
    assert sha256_of(image) == subprocess.run(
        ["sha256sum", image], capture_output=True, text=True, check=True
    ).stdout[:64]  # fmt: skip


def test_a_card_too_small_leaves_nothing_behind(tmp_path: Path, base: Path) -> None:
    with pytest.raises(ImageError, match="image of 300 MiB: too small"):
        write_card(card(mib=300), base, tmp_path / "sd.img", print)

    assert [path.name for path in tmp_path.iterdir()] == ["base"]


def test_a_tree_without_a_kernel_is_refused(tmp_path: Path, base: Path) -> None:
    (base / f"tree/boot/vmlinuz-{VERSION}").unlink()

    with pytest.raises(ImageError, match="expected one kernel"):
        write_card(card(), base, tmp_path / "sd.img", print)


def test_a_read_only_root_is_mounted_so_and_keeps_the_journal_in_memory(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()

    lay_out(tmp_path, card(is_root_read_only=True))

    assert "LABEL=root-a / ext4 ro,noatime" in (tmp_path / "etc/fstab").read_text()
    journal = tmp_path / "etc/systemd/journald.conf.d/edge-runtime.conf"
    assert "Storage=volatile" in journal.read_text()
    assert (tmp_path / "etc/resolv.conf").is_symlink()
    assert (tmp_path / "etc/machine-id").read_text() == ""


def test_who_has_a_key_may_log_in_and_each_device_makes_its_own(tmp_path: Path) -> None:
    lay_out(tmp_path, card(keys=("ssh-ed25519 AAAA me",)))

    keys = tmp_path / "root/.ssh/authorized_keys"
    assert keys.read_text() == "ssh-ed25519 AAAA me\n"
    assert keys.stat().st_mode & 0o777 == 0o600
    wants = tmp_path / "etc/systemd/system/multi-user.target.wants"
    assert (wants / "ssh.service").is_symlink()
    assert (wants / "edge-runtime-ssh-key.service").is_symlink()


def test_without_a_key_nobody_listens(tmp_path: Path) -> None:
    lay_out(tmp_path, card())

    assert not (tmp_path / "etc/systemd/system/multi-user.target.wants").exists()
