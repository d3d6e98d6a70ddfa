"""The part of our own image that all devices share: Debian, the kernel, the daemon's package.

mmdebstrap runs the packages' scripts, through qemu-user where the machine is another; the kernel
and the firmware are unpacked beside dpkg, since their scripts would build a large RAM disk for
minutes under emulation. A card is replaced as a whole, so dpkg need not know them.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from edge_runtime.errors import ImageError
from edge_runtime.image.checks import Package
from edge_runtime.image.programs import find_program, run

SUITE, ARCHITECTURE, PYTHON = "bookworm", "arm64", (3, 11)
LIBRARIES = "opt/edge-runtime/lib"
BINFMT = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
PACKAGES = (
    *("systemd", "systemd-sysv", "systemd-resolved", "systemd-timesyncd", "dbus", "udev", "kmod"),
    *("python3", "libstdc++6", "ca-certificates", "iproute2", "netbase", "e2fsprogs"),
    "openssh-server",
)
KERNEL, BUSYBOX, FIRMWARE = "linux-image-arm64", "busybox-static", "raspi-firmware"
DOWNLOAD = f"""\
cd "$EDGE_DOWNLOADS" && export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" &&
kernel="$(apt-cache depends {KERNEL} | sed -n 's/.*Depends: \\(linux-image-[0-9].*\\)/\\1/p' |
    head -n 1)" && apt-get download "$kernel" {BUSYBOX} $EDGE_FIRMWARE"""
# Files that are there are not made: an RSA key takes minutes under emulation, and each device makes
# its own anyway.
NO_KEYS = (
    'mkdir -p "$1/etc/ssh" && cd "$1/etc/ssh" && '
    "touch ssh_host_rsa_key ssh_host_ecdsa_key ssh_host_ed25519_key"
)
INSTALL = 'chroot "$1" dpkg --install /edge-runtime.deb && rm "$1/edge-runtime.deb"'
ENABLE = 'chroot "$1" systemctl enable systemd-networkd systemd-resolved systemd-timesyncd'
DISABLE = 'chroot "$1" systemctl disable ssh apt-daily.timer apt-daily-upgrade.timer'


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a base is made from; another recipe is another base.

    Attributes:
        package_sha256: Of the daemon's package.
        mirror: Of Debian.
        security: Of its security updates.
        has_firmware: Whether the Raspberry Pi's firmware (non-free-firmware) is in it.
    """

    package_sha256: str
    mirror: str
    security: str
    has_firmware: bool


def recipe_of(package: Package, mirror: str, security: str, *, has_firmware: bool) -> Recipe:
    """Return the recipe with a package."""
    digest = hashlib.sha256(package.path.read_bytes()).hexdigest()
    return Recipe(digest, mirror, security, has_firmware)


def is_made(place: Path, recipe: Recipe) -> bool:
    """Return whether a base is there already.

    Raises:
        ImageError: There is another one, or something else.
    """
    if not place.exists():
        return False
    try:
        found = Recipe(**json.loads((place / "recipe.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ImageError(f"{place}: not a base; allowed is a new name or a base's") from error
    if found != recipe:
        raise ImageError(
            f"{place}: made from another package or mirror; remove it, or name another"
        )
    return True


def write_recipe(place: Path, recipe: Recipe) -> None:
    """Say in a base what it was made from."""
    text = json.dumps(asdict(recipe), indent=2) + "\n"
    (place / "recipe.json").write_text(text, encoding="utf-8")


def make_base(place: Path, package: Package, recipe: Recipe) -> None:
    """Make the tree at place/tree; root only.

    Raises:
        ImageError: Not root, no emulation, a program that is missing or fails.
    """
    check_powers()
    beside = place.with_name(place.name + ".part")
    if beside.exists():
        shutil.rmtree(beside)
    downloads = beside / "downloads"
    downloads.mkdir(parents=True)
    tree = beside / "tree"
    _bootstrap(tree, downloads, package, recipe)
    for archive in sorted(downloads.glob("*.deb")):
        unpack(archive, tree)
    run("depmod", "-b", tree, kernel_version(tree))
    compile_libraries(tree)
    shutil.rmtree(downloads)
    write_recipe(beside, recipe)
    beside.rename(place)


def compile_libraries(tree: Path) -> None:
    """Compile the daemon's Python to bytecode, which no device has to do at each start then.

    Bytecode depends on Python's version, not on the processor.
    """
    words = ("-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash")
    if sys.version_info[:2] == PYTHON:
        run(sys.executable, *words, "-s", tree, "-p", "/", tree / LIBRARIES)
    else:
        run("chroot", tree, "python3", *words, f"/{LIBRARIES}")


def check_powers() -> None:
    """Refuse early where mmdebstrap would fail late.

    Raises:
        ImageError: Not root, or programs for arm64 cannot be run.
    """
    if os.geteuid() != 0:
        raise ImageError("an image of our own is made by root: it holds files of several owners")
    for name in ("mmdebstrap", "depmod", "dpkg-deb"):
        find_program(name)
    if os.uname().machine != "aarch64" and not BINFMT.exists():
        raise ImageError(
            "programs for arm64 cannot be run here: apt-get install qemu-user-static "
            "binfmt-support; mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc; "
            "update-binfmts --enable qemu-aarch64"
        )


def kernel_version(tree: Path) -> str:
    """Return the version of the tree's only kernel.

    Raises:
        ImageError: There is none, or there are several.
    """
    modules = tree / "usr/lib/modules"
    found = sorted(path.name for path in modules.iterdir()) if modules.is_dir() else []
    if len(found) != 1 or not (tree / "boot" / f"vmlinuz-{found[0]}").is_file():
        raise ImageError(f"{tree}: expected one kernel, found {', '.join(found) or 'none'}")
    return found[0]


def unpack(archive: Path, tree: Path) -> None:
    """Unpack a package without its scripts; /lib stays the link that it is."""
    with subprocess.Popen(  # noqa: S603 - a pipe of two programs
        [find_program("dpkg-deb"), "--fsys-tarfile", archive], stdout=subprocess.PIPE
    ) as source:
        taken = subprocess.run(  # noqa: S603
            [find_program("tar"), "-x", "--keep-directory-symlink", "-C", tree],
            stdin=source.stdout,
            check=False,
        )
    if source.returncode or taken.returncode:
        raise ImageError(f"{archive}: cannot be unpacked")


def _bootstrap(tree: Path, downloads: Path, package: Package, recipe: Recipe) -> None:
    components = "main non-free-firmware" if recipe.has_firmware else "main"
    environment = {
        "EDGE_DOWNLOADS": str(downloads.absolute()),
        "EDGE_FIRMWARE": FIRMWARE if recipe.has_firmware else "",
    }
    run(
        "mmdebstrap",
        f"--architectures={ARCHITECTURE}",
        "--variant=minbase",
        "--format=directory",
        f"--include={','.join(PACKAGES)}",
        f"--essential-hook={NO_KEYS}",
        f"--customize-hook={DOWNLOAD}",
        f"--customize-hook=upload {package.path.absolute()} /edge-runtime.deb",
        *(f"--customize-hook={hook}" for hook in (INSTALL, ENABLE, DISABLE)),
        SUITE,
        tree,
        f"deb {recipe.mirror} {SUITE} {components}",
        f"deb {recipe.mirror} {SUITE}-updates {components}",
        f"deb {recipe.security} {SUITE}-security {components}",
        environment=environment,
    )
