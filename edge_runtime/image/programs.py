"""The outside programs that write file systems: found, run, and their complaints in one line."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from edge_runtime.errors import ImageError

PACKAGES = {
    "depmod": "kmod",
    "dpkg-deb": "dpkg",
    "e2fsck": "e2fsprogs",
    "mcopy": "mtools",
    "mdir": "mtools",
    "mkfs.ext4": "e2fsprogs",
    "mkfs.vfat": "dosfstools",
    "mmdebstrap": "mmdebstrap",
    "mmd": "mtools",
    "sfdisk": "fdisk",
}
SYSTEM_PROGRAMS = "/usr/sbin:/sbin"  # not on everybody's PATH


def find_program(name: str) -> str:
    """Return a program's path.

    Raises:
        ImageError: It is not installed; the message names the Debian package.
    """
    found = shutil.which(name) or shutil.which(name, path=SYSTEM_PROGRAMS)
    if found is None:
        package = PACKAGES.get(name, name)
        raise ImageError(f"{name} is not installed: apt-get install {package}")
    return found


def run(
    name: str,
    *arguments: str | Path,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> bytes:
    """Return what a program prints.

    Raises:
        ImageError: It is not installed or fails; with the last line that it said.
    """
    result = subprocess.run(  # noqa: S603 - our own words
        [find_program(name), *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env={**os.environ, "LC_ALL": "C", **(environment or {})},
        check=False,
    )
    if result.returncode != 0:
        said = (result.stderr or result.stdout).decode(errors="replace").strip().splitlines()
        raise ImageError(f"{name} failed ({result.returncode}): {said[-1] if said else 'silently'}")
    return result.stdout
