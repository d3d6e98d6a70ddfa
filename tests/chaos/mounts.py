"""File systems of our own to fill, to break and to cut the power of; root and loop devices only."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IMAGE_BYTES = 48 << 20


def missing_for_mounts() -> str | None:
    """Return what stands in the way of mounts, None where they work."""
    for program in ("mkfs.ext4", "mount", "umount"):
        if shutil.which(program, path="/usr/sbin:/sbin:/usr/bin:/bin") is None:
            return program
    tried = subprocess.run(["losetup", "-f"], capture_output=True, check=False)
    return None if tried.returncode == 0 else "a loop device"


@contextmanager
def tmpfs(place: Path, size_mb: int) -> Iterator[Path]:
    """A file system in memory that is soon full."""
    options = f"size={size_mb}m,mode=0755"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        _unmount(place)


def make_image(image: Path) -> None:
    """Write an empty ext4 file system into a sparse file."""
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    command = ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", str(image)]
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def mounted(image: Path, place: Path) -> Iterator[Path]:
    """Mount an image; its journal is replayed, as at a start after a power cut.

    Raises:
        OSError: It cannot be mounted.
    """
    done = subprocess.run(
        ["mount", "-o", "loop", str(image), str(place)], capture_output=True, check=False
    )
    if done.returncode != 0:
        raise OSError(f"{image}: {done.stderr.decode().strip()}")
    try:
        yield place
    finally:
        _unmount(place)


def abort_journal(place: Path) -> None:
    """Have ext4 do what it does at an I/O error: refuse every write from now on."""
    subprocess.run(["mount", "-o", "remount,abort", str(place)], check=False, capture_output=True)


def _unmount(place: Path) -> None:
    if subprocess.run(["umount", str(place)], check=False, capture_output=True).returncode != 0:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
