"""A small initial RAM disk: busybox, the kernel modules that reach the root, and one script.

Debian's own, made by mkinitramfs under emulation, takes longer than all else together.
Source: the kernel's early-userspace buffer format (cpio "newc"); modules.dep(5).
"""

import gzip
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from edge_runtime.errors import ImageError

DIRECTORY, FILE, DEVICE = 0o040755, 0o100755, 0o020600
# What is not there under such a name is built in, or belongs to another board.
NEEDED = ("virtio_blk", "ext4")
WANTED = (
    *("virtio_mmio", "virtio_pci", "crc32c_generic", "libcrc32c"),
    # Raspberry Pi 3 and 4: SD host, its voltage switch, and the firmware's GPIOs.
    *("gpio-raspberrypi-exp", "gpio-regulator", "bcm2835_dma", "bcm2835", "sdhci-iproc"),
    *("mmc_block", "sdhci_pltfm"),
)
INIT = """\
#!/bin/busybox sh
# Loads what reaches the root, mounts it, and hands over.
/bin/busybox mkdir -p /proc /sys /dev /root
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
while read -r module; do
    /bin/busybox insmod "/modules/$module" 2>/dev/null
done </modules.order
root=""
for word in $(/bin/busybox cat /proc/cmdline); do
    case "$word" in root=*) root="${word#root=}" ;; esac
done
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    case "$root" in
        LABEL=*) device="$(/bin/busybox findfs "$root" 2>/dev/null)" ;;
        *) device="$root" ;;
    esac
    [ -b "$device" ] && break
    /bin/busybox sleep 0.5
done
/bin/busybox mount -t ext4 -o ro "$device" /root || exit 1
/bin/busybox umount /proc /sys
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
"""


def initrd(modules: Path, busybox: bytes) -> bytes:
    """Return the RAM disk for the kernel of a modules directory, /lib/modules/VERSION.

    Raises:
        ImageError: The kernel has no driver for the disk or the file system.
    """
    files = {path.name: path.read_bytes() for path in load_order(modules)}
    entries = [
        *((name, DIRECTORY, b"") for name in ("bin", "dev", "modules")),
        ("bin/busybox", FILE, busybox),
        ("dev/console", DEVICE, b""),
        ("init", FILE, INIT.encode()),
        ("modules.order", FILE, "".join(f"{name}\n" for name in files).encode()),
        *((f"modules/{name}", FILE, data) for name, data in files.items()),
    ]
    return gzip.compress(b"".join(_newc(entries)), mtime=0)


def load_order(modules: Path) -> tuple[Path, ...]:
    """Return the modules' files, each after those that it depends on.

    Raises:
        ImageError: A needed one is neither there nor built in.
    """
    dependencies = _dependencies(modules / "modules.dep")
    built_in = {_plain(line) for line in (modules / "modules.builtin").read_text().split() if line}
    order: dict[PurePosixPath, None] = {}
    for name in (*WANTED, *NEEDED):
        plain = name.replace("-", "_")
        found = next((path for path in dependencies if _plain(str(path)) == plain), None)
        if found is not None:
            order |= dict.fromkeys((*reversed(dependencies[found]), found))
        elif name in NEEDED and plain not in built_in:
            raise ImageError(f"{modules}: the kernel has no module {name}")
    return tuple(modules / path for path in order)


def _dependencies(path: Path) -> dict[PurePosixPath, tuple[PurePosixPath, ...]]:
    """Return modules.dep; of what a module needs, the deepest stands last."""
    found = {}
    for line in path.read_text().splitlines():
        name, _, needs = line.partition(":")
        found[PurePosixPath(name)] = tuple(map(PurePosixPath, needs.split()))
    return found


def _plain(path: str) -> str:
    return PurePosixPath(path).name.partition(".")[0].replace("-", "_")


def _newc(entries: list[tuple[str, int, bytes]]) -> Iterator[bytes]:
    for number, (name, mode, data) in enumerate((*entries, ("TRAILER!!!", 0, b"")), 1):
        encoded = name.encode() + b"\0"
        console = (5, 1) if mode == DEVICE else (0, 0)
        links = 2 if mode == DIRECTORY else 1
        fields = (number, mode, 0, 0, links, 0, len(data), 0, 0, *console, len(encoded), 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
        yield _padded(head) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
