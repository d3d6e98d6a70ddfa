"""The FAT boot partition of a card: in an image file by mtools, without root, or a directory."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge_runtime.errors import ImageError
from edge_runtime.image.programs import run

SECTOR_BYTES = 512
ANY_GEOMETRY = {"MTOOLS_SKIP_CHECK": "1"}  # cards have no tracks
FAT_TYPES = frozenset(
    {
        *("1", "4", "6", "b", "c", "e"),  # MBR
        "C12A7328-F81F-11D2-BA4B-00C04FFD82EB",  # GPT: EFI system
        "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7",  # GPT: basic data
    }
)
KERNELS = ("kernel8.img", "kernel_2712.img", "vmlinuz")


@dataclass(frozen=True, slots=True)
class Partition:
    """Where one partition lies."""

    start_bytes: int
    size_bytes: int
    kind: str


class BootPartition(Protocol):
    """Files at the top of a FAT file system."""

    def names(self) -> frozenset[str]:
        """Return what is there, in lower case."""

    def free_bytes(self) -> int:
        """Return what still goes in."""

    def read(self, name: str) -> bytes:
        """Return a file's bytes, from the medium where that is possible."""

    def write(self, name: str, data: bytes) -> None:
        """Write a file, over another of that name, down to the medium."""


class FatPartition:
    """Inside an image file or a card that is not mounted."""

    def __init__(self, image: Path, partition: Partition) -> None:
        self._image = image
        self._drive = f"{image}@@{partition.start_bytes}"

    def names(self) -> frozenset[str]:
        """Return what is there, in lower case."""
        paths = (line.removeprefix("::/").rstrip("/") for line in self._mdir("-b", "-a"))
        return frozenset(path.lower() for path in paths)

    def free_bytes(self) -> int:
        """Return what still goes in."""
        (line,) = (line for line in self._mdir() if line.endswith("bytes free"))
        return int("".join(letter for letter in line if letter.isdigit()))

    def read(self, name: str) -> bytes:
        """Return a file's bytes, from the medium where that is possible."""
        _drop_cache(self._image)
        return run("mcopy", "-i", self._drive, f"::{name}", "-", environment=ANY_GEOMETRY)

    def write(self, name: str, data: bytes) -> None:
        """Write a file, over another of that name, down to the medium."""
        with tempfile.TemporaryDirectory(prefix="edge-image-") as scratch:
            source = Path(scratch, name)
            source.write_bytes(data)
            run("mcopy", "-o", "-i", self._drive, source, f"::{name}", environment=ANY_GEOMETRY)
        _drop_cache(self._image)

    def _mdir(self, *options: str) -> list[str]:
        listed = run("mdir", "-i", self._drive, *options, "::", environment=ANY_GEOMETRY)
        return listed.decode(errors="replace").splitlines()


class BootDirectory:
    """Of a card that the desktop has mounted."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def names(self) -> frozenset[str]:
        """Return what is there, in lower case."""
        return frozenset(entry.name.lower() for entry in self._directory.iterdir())

    def free_bytes(self) -> int:
        """Return what still goes in."""
        return shutil.disk_usage(self._directory).free

    def read(self, name: str) -> bytes:
        """Return a file's bytes, from the medium where that is possible."""
        _drop_cache(self._directory / name)
        return (self._directory / name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        """Write a file, over another of that name, down to the medium."""
        with (self._directory / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def open_boot_partition(target: Path) -> BootPartition:
    """Return the boot partition of an image, a card or a directory.

    Raises:
        ImageError: There is no FAT partition, the image is cut off, or there is no kernel.
    """
    boot: BootPartition = (
        BootDirectory(target) if target.is_dir() else FatPartition(target, fat_partition(target))
    )
    if not any(kernel in boot.names() for kernel in KERNELS):
        raise ImageError(f"{target}: no kernel in its boot partition ({', '.join(KERNELS)})")
    return boot


def fat_partition(image: Path) -> Partition:
    """Return the first FAT partition.

    Raises:
        ImageError: There is none, or the image ends before it does.
    """
    partitions = list(read_partitions(image))
    found = next((p for p in partitions if p.kind in FAT_TYPES), None)
    if found is None:
        kinds = ", ".join(p.kind for p in partitions) or "none"
        raise ImageError(f"{image}: no FAT partition among those of types {kinds}")
    with image.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
    last = max(p.start_bytes + p.size_bytes for p in partitions)
    if size < last:
        raise ImageError(f"{image}: {size} bytes, its partitions need {last}; is it whole?")
    return found


def read_partitions(image: Path) -> Iterator[Partition]:
    """Yield what the partition table says.

    Raises:
        ImageError: There is no table.
    """
    try:
        table = json.loads(run("sfdisk", "--json", image))["partitiontable"]
    except ImageError as error:
        raise ImageError(f"{image}: no partition table; allowed is an unpacked image") from error
    sector = table.get("sectorsize", SECTOR_BYTES)
    for entry in table.get("partitions", []):
        yield Partition(entry["start"] * sector, entry["size"] * sector, entry["type"])


def _drop_cache(path: Path) -> None:
    """Have what was written on the medium, and the next read come from there."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
