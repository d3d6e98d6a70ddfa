"""Our own image of one device: the shared base, the device's files, four partitions."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edge_runtime.errors import ImageError
from edge_runtime.image.base import kernel_version
from edge_runtime.image.boot_partition import FatPartition, Partition
from edge_runtime.image.device_files import DeviceFile, Link, as_archive
from edge_runtime.image.initrd import initrd
from edge_runtime.image.layout import (
    BOOT_LABEL,
    DATA_LABEL,
    ROOT_LABELS,
    Extent,
    Layout,
    plan,
)
from edge_runtime.image.programs import run

FIRMWARE = ("bootcode.bin", "start*.elf", "fixup*.dat")
BOARDS = ("bcm2710-rpi-3*.dtb", "bcm2837-rpi-3*.dtb", "bcm2711-rpi-4*.dtb")
COMMAND_LINE = (
    f"console=serial0,115200 console=tty1 root=LABEL={ROOT_LABELS[0]} net.ifnames=0 panic=10\n"
)
CONFIG_TXT = """\
# Raspberry Pi 3 and 4, 64 bit.
arm_64bit=1
kernel=vmlinuz
initramfs initrd.img followkernel
enable_uart=1
"""
KEYS = "/var/lib/edge-runtime-ssh"
HOST_KEY = f"{KEYS}/ssh_host_ed25519_key"
WAIT = "etc/systemd/system/systemd-networkd-wait-online.service.d/patience.conf"
SYSTEM_FILES = {
    "etc/systemd/network/80-wired.network": "[Match]\nName=e*\n\n[Network]\nDHCP=yes\n",
    # Without a network the daemon starts all the same, and says so once there is one.
    WAIT: "[Service]\nExecStart=\nExecStart=/lib/systemd/systemd-networkd-wait-online --any "
    "--timeout=20\n",
    # Nobody sits at the console: what cannot start now is tried again.
    "etc/systemd/system/emergency.service.d/again.conf": (
        "[Service]\nExecStartPre=\nExecStart=\n"
        "ExecStart=/bin/sh -c 'sleep 60; systemctl --force reboot'\n"
    ),
    "etc/ssh/sshd_config.d/edge-runtime.conf": f"HostKey {HOST_KEY}\nPasswordAuthentication no\n",
    "etc/systemd/system/edge-runtime-ssh-key.service": (
        "# Each device has its own key, made at its first start, on the data partition.\n"
        f"[Unit]\nConditionPathExists=!{HOST_KEY}\nBefore=ssh.service\n\n"
        f"[Service]\nType=oneshot\nExecStart=/bin/mkdir -p {KEYS}\n"
        f"ExecStart=/usr/bin/ssh-keygen -q -t ed25519 -N '' -f {HOST_KEY}\n\n"
        "[Install]\nWantedBy=multi-user.target\n"
    ),
}
WANTS = PurePosixPath("/etc/systemd/system/multi-user.target.wants")
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Card:
    """What one image is to be.

    Attributes:
        files: The device's.
        total_bytes: Of the image; what the roots do not take is the data's.
        is_root_read_only: The root is never written to; the journal stays in memory.
    """

    host: str
    files: tuple[DeviceFile, ...]
    ssh_keys: tuple[str, ...]
    total_bytes: int
    is_root_read_only: bool


def write_card(card: Card, base: Path, out: Path, tell: Tell) -> None:
    """Write the image, check it, and only then give it its name.

    Raises:
        ImageError: The content does not fit, or a program fails.
    """
    part = out.with_name(out.name + ".part")
    with tempfile.TemporaryDirectory(prefix="edge-card-", dir=out.absolute().parent) as scratch:
        root, data = Path(scratch, "root"), Path(scratch, "data")
        run("cp", "--archive", "--reflink=auto", base / "tree", root)
        boot_files = _take_boot_files(root)
        lay_out(root, card)
        (root / "var").rename(data)
        (root / "var").mkdir()
        layout = plan(card.total_bytes, _content(root), _content(data))
        tell(f"root {_mib(_content(root))} of {_mib(layout.root_a.size)}, "
             f"data {_mib(_content(data))} of {_mib(layout.data.size)}")  # fmt: skip
        try:
            _write(part, layout, root, data)
            _write_boot(part, layout, boot_files, tell)
            _check(part, layout)
            part.replace(out)
        finally:
            part.unlink(missing_ok=True)


def lay_out(root: Path, card: Card) -> None:
    """Put the device's own files into a tree."""
    run("tar", "-x", "--keep-directory-symlink", "-C", root, stdin=as_archive(_all_files(card)))
    (root / "boot/firmware").mkdir(parents=True, exist_ok=True)
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    if card.is_root_read_only:
        (root / "etc/resolv.conf").unlink(missing_ok=True)
        (root / "etc/resolv.conf").symlink_to("/run/systemd/resolve/stub-resolv.conf")


def _all_files(card: Card) -> Iterable[DeviceFile]:
    texts = dict(SYSTEM_FILES)
    texts["etc/hostname"] = f"{card.host}\n"
    texts["etc/hosts"] = f"127.0.0.1 localhost\n127.0.1.1 {card.host}\n::1 localhost\n"
    texts["etc/machine-id"] = ""  # each device makes its own
    texts["etc/fstab"] = _fstab(is_read_only=card.is_root_read_only)
    if card.is_root_read_only:
        texts["etc/systemd/journald.conf.d/edge-runtime.conf"] = "[Journal]\nStorage=volatile\n"
    for name, text in sorted(texts.items()):
        yield DeviceFile(PurePosixPath("/", name), text.encode())
    if card.ssh_keys:
        keys = "".join(f"{key}\n" for key in card.ssh_keys).encode()
        yield DeviceFile(PurePosixPath("/root/.ssh/authorized_keys"), keys, 0o600)
        yield DeviceFile(WANTS / "ssh.service", Link("/lib/systemd/system/ssh.service"))
        unit = "edge-runtime-ssh-key.service"
        yield DeviceFile(WANTS / unit, Link(f"../{unit}"))
    yield from card.files


def _fstab(*, is_read_only: bool) -> str:
    how = "ro" if is_read_only else "rw"
    return (
        f"LABEL={ROOT_LABELS[0]} / ext4 {how},noatime 0 1\n"
        f"LABEL={DATA_LABEL} /var ext4 noatime,x-systemd.device-timeout=5min 0 2\n"
        f"LABEL={BOOT_LABEL} /boot/firmware vfat ro,nofail 0 0\n"
        "tmpfs /tmp tmpfs nosuid,nodev,mode=1777 0 0\n"
    )


def _take_boot_files(root: Path) -> dict[str, bytes]:
    """Return what goes to the FAT partition; the kernel's files leave the root."""
    version = kernel_version(root)
    kernel = (root / "boot" / f"vmlinuz-{version}").read_bytes()
    disk = initrd(root / "usr/lib/modules" / version, (root / "usr/bin/busybox").read_bytes())
    files = {"vmlinuz": kernel, "initrd.img": disk}
    files |= {"cmdline.txt": COMMAND_LINE.encode(), "config.txt": CONFIG_TXT.encode()}
    firmware = root / "usr/lib/raspi-firmware"
    trees = root / f"usr/lib/linux-image-{version}" / "broadcom"
    for place, patterns in ((firmware, FIRMWARE), (trees, BOARDS)):
        found = {path for pattern in patterns for path in place.glob(pattern)}
        files |= {path.name: path.read_bytes() for path in sorted(found)}
    for place in (root / "boot", firmware, trees.parent):
        shutil.rmtree(place, ignore_errors=True)
    return files


def _write(part: Path, layout: Layout, root: Path, data: Path) -> None:
    with part.open("wb") as file:
        file.truncate(layout.total)
    run("sfdisk", "--quiet", part, stdin=layout.script().encode())
    _mkfs(part, layout.root_a, ROOT_LABELS[0], root)
    _mkfs(part, layout.data, DATA_LABEL, data)


def _mkfs(part: Path, extent: Extent, label: str, tree: Path) -> None:
    run(
        "mkfs.ext4", "-q", "-F", "-L", label, "-E", f"offset={extent.start}", "-d", tree,
        part, f"{extent.size // 1024}k",
    )  # fmt: skip


def _write_boot(part: Path, layout: Layout, files: dict[str, bytes], tell: Tell) -> None:
    offset, blocks = layout.boot.start // 512, layout.boot.size // 1024
    # Clusters of a size that is given: mkfs.vfat would choose by the file, not by the partition.
    run(
        "mkfs.vfat", "-F", "32", "-s", "2", "-n", BOOT_LABEL, "--offset", str(offset),
        part, str(blocks),
    )  # fmt: skip
    boot = FatPartition(part, Partition(layout.boot.start, layout.boot.size, "c"))
    for name, data in files.items():
        boot.write(name, data)
        if boot.read(name) != data:
            raise ImageError(f"{part}: {name} reads back otherwise")
    size = sum(map(len, files.values()))
    tell(f"boot: {len(files)} files, {_mib(size)}, read back")


def _check(part: Path, layout: Layout) -> None:
    for extent in (layout.root_a, layout.data):
        run("e2fsck", "-f", "-n", f"{part}?offset={extent.start}")


def sha256_of(path: Path) -> str:
    """Return a large file's digest."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _content(tree: Path) -> int:
    """Return what files take in blocks of 4096 bytes, and a block for each entry's inode."""
    total = 0
    for directory, _, names in os.walk(tree):
        total += 4096
        for name in names:
            total += 512 + -(-Path(directory, name).lstat().st_size // 4096) * 4096
    return total


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.0f} MiB"
