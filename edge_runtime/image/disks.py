"""Which disks this machine lives on, and which are in use: neither is written to.

Source: proc(5) for mountinfo and swaps; the kernel's sysfs rules for /sys/dev/block (a partition's
directory lies in its disk's and has a file `partition`; `slaves` lead down).
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.errors import ImageError

SYSTEM_PLACES = ("/", "/boot", "/boot/firmware", "/boot/efi", "/usr", "/var")


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of mountinfo: "259:2" at /boot."""

    device: str
    place: str


@dataclass(frozen=True, slots=True)
class Machine:
    """What is mounted where; `root` is where /proc and /sys are looked for."""

    mounts: tuple[Mount, ...]
    root: Path

    def disks(self, device: str) -> frozenset[str]:
        """Return the names of the whole disks below a device number "MAJOR:MINOR"."""
        link = self.root / "sys/dev/block" / device
        return frozenset(_disks_below(link.resolve())) if link.exists() else frozenset()

    def system_disks(self) -> frozenset[str]:
        """Return the disks that the running system was started from, and swaps to."""
        places = [mount.device for mount in self.mounts if mount.place in SYSTEM_PLACES]
        found = {disk for device in places for disk in self.disks(device)}
        return frozenset(found | set(self._swap_disks()))

    def mounted_at(self, disk: str) -> tuple[str, ...]:
        """Return where a disk or one of its partitions is mounted."""
        return tuple(m.place for m in self.mounts if disk in self.disks(m.device))

    def loop_of(self, image: Path) -> str | None:
        """Return the loop device that an image file is attached to."""
        for backing in sorted((self.root / "sys/block").glob("loop*/loop/backing_file")):
            if backing.read_text().strip() == str(image.resolve()):
                return backing.parent.parent.name
        return None

    def _swap_disks(self) -> Iterator[str]:
        lines = _lines(self.root / "proc/swaps")[1:]
        for name in (line.split()[0] for line in lines):
            link = self.root / "sys/class/block" / Path(name).name
            if name.startswith("/dev/") and link.exists():
                yield from _disks_below(link.resolve())


def this_machine(root: Path = Path("/")) -> Machine:
    """Return what is mounted now."""
    fields = [line.split() for line in _lines(root / "proc/self/mountinfo")]
    return Machine(tuple(Mount(f[2], _unescaped(f[4])) for f in fields if len(f) > 4), root)


def check_target(target: Path, machine: Machine) -> None:
    """Refuse to write to what is mounted, to this machine's own disk, and to what is neither.

    Raises:
        ImageError: Not there, mounted, the system's, or neither image, card nor directory.
    """
    try:
        status = target.stat()
    except OSError as error:
        raise ImageError(f"{target}: {error.strerror}") from error
    if stat.S_ISBLK(status.st_mode):
        number = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
        check_card(target, number, machine)
    elif stat.S_ISDIR(status.st_mode):
        number = f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
        check_boot_directory(target, number, machine)
    elif not stat.S_ISREG(status.st_mode):
        raise ImageError(f"{target}: allowed are an image file, a card and its boot directory")
    elif loop := machine.loop_of(target):
        raise ImageError(f"{target}: is attached to /dev/{loop}; losetup -d /dev/{loop} first")


def check_card(card: Path, number: str, machine: Machine) -> None:
    """Refuse a block device that is in use, or no whole disk.

    Raises:
        ImageError: See above.
    """
    disks = machine.disks(number)
    if used := sorted(disks & machine.system_disks()):
        raise ImageError(f"{card}: is the disk that this system runs from ({', '.join(used)})")
    name = (machine.root / "sys/dev/block" / number).resolve().name
    if name not in disks:
        raise ImageError(f"{card}: is a part of {', '.join(sorted(disks)) or 'nothing known'}, "
                         "allowed is a whole card")  # fmt: skip
    if places := machine.mounted_at(name):
        raise ImageError(f"{card}: is mounted at {', '.join(places)}; umount it first")


def check_boot_directory(directory: Path, number: str, machine: Machine) -> None:
    """Refuse a directory on the disk that this system runs from, where it is a boot partition.

    Raises:
        ImageError: See above.
    """
    if str(directory.resolve()) in SYSTEM_PLACES:
        raise ImageError(f"{directory}: belongs to the system that runs here, not to a card")
    is_mount_point = any(mount.place == str(directory.resolve()) for mount in machine.mounts)
    if is_mount_point and machine.disks(number) & machine.system_disks():
        raise ImageError(f"{directory}: lies on the disk that this system runs from")


def _disks_below(directory: Path) -> Iterator[str]:
    """Yield the disks of one device of sysfs, down through LVM, RAID and encryption."""
    slaves = sorted((directory / "slaves").glob("*"))
    if slaves:
        for slave in slaves:
            yield from _disks_below(slave.resolve())
    elif (directory / "partition").exists():
        yield directory.parent.name
    else:
        yield directory.name


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _unescaped(place: str) -> str:
    return place.encode("latin-1", "replace").decode("unicode_escape")
