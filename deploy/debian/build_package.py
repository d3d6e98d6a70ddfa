"""Build the Debian package of one architecture: the daemon, its libraries, unit, user and rules.

The libraries are wheels, put in place by `pip --target --platform`: nothing of the target
architecture is run, so arm64 is built on amd64. One package serves one Debian release, because
wheels with native code are built for one minor version of Python.

    python deploy/debian/build_package.py --arch arm64 --out dist

Needs pip, dpkg-deb and git. The same commit and wheels give the same bytes.
"""

import argparse
import gzip
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

from vendored import ROOT, Release, install_libraries

HERE = Path(__file__).resolve().parent
LIBRARIES = "opt/edge-runtime/lib"
PROGRAM = "opt/edge-runtime/bin/edge-runtime"
EXTRAS = "onnx,tflite,camera,serial,i2c,modbus,audio,signing,http"
RELEASES = {
    "bookworm": Release("bookworm", (3, 11), (2, 36)),
    "trixie": Release("trixie", (3, 13), (2, 41)),
    "noble": Release("noble", (3, 12), (2, 39)),
}
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True, slots=True)
class Package:
    """What the package is called and says of itself.

    Attributes:
        made_at: Seconds since the epoch; every file's time.
    """

    version: str
    arch: str
    release: Release
    made_at: int


def main() -> None:
    """Build what the command line asks for; print the package's path."""
    options = _arguments()
    release = RELEASES[options.release]
    version = package_version(project_version(), options.build, release.name)
    package = Package(version, options.arch, release, commit_time())
    with tempfile.TemporaryDirectory(prefix="edge-deb-") as scratch:
        tree = Path(scratch, "tree")
        install_libraries(tree / LIBRARIES, release, MACHINES[options.arch], options.extras)
        install_system_files(tree, package)
        write_control(tree, package)
        print(pack(tree, options.out, package, options.compress))


def package_version(version: str, build: int, release: str) -> str:
    """Return Debian's version: a later build is newer, and a later release's own is newer yet."""
    return f"{version}{f'+b{build}' if build else ''}~{release}"


def install_system_files(tree: Path, package: Package) -> None:
    """Lay out program, unit, user, rules, configuration and documents."""
    copy(HERE / "edge-runtime", tree / PROGRAM, mode=0o755)
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "usr/bin/edge-runtime").symlink_to("/" + PROGRAM)
    units = ROOT / "deploy" / "systemd"
    copy(units / "edge-runtime@.service", tree / "lib/systemd/system/edge-runtime@.service")
    copy(HERE / "sysusers.conf", tree / "usr/lib/sysusers.d/edge-runtime.conf")
    copy(HERE / "udev.rules", tree / "lib/udev/rules.d/60-edge-runtime.rules")
    copy(ROOT / "device_configs" / "README.md", tree / "etc/edge-runtime/README.md")
    copy(HERE / "lintian-overrides", tree / "usr/share/lintian/overrides/edge-runtime")
    documents = tree / "usr/share/doc/edge-runtime"
    for example in (*(ROOT / "device_configs").glob("*.toml"), *units.glob("*.conf")):
        copy(example, documents / "examples" / example.name)
    copy(HERE / "copyright", documents / "copyright")
    write_gzip(documents / "changelog.gz", debian_changelog(package).encode())
    write_gzip(documents / "CHANGELOG.md.gz", (ROOT / "CHANGELOG.md").read_bytes())
    write_gzip(
        tree / "usr/share/man/man1/edge-runtime.1.gz", (HERE / "edge-runtime.1").read_bytes()
    )


def debian_changelog(package: Package) -> str:
    """Return the changelog as dpkg reads it; what changed stands in CHANGELOG.md.gz beside it."""
    return (
        f"edge-runtime ({package.version}) {package.release.name}; urgency=medium\n\n"
        "  * See CHANGELOG.md.gz.\n\n"
        f" -- {_maintainer()}  {formatdate(package.made_at)}\n"
    )


def write_control(tree: Path, package: Package) -> None:
    """Write DEBIAN/: what dpkg is told, and the scripts that it runs."""
    control = tree / "DEBIAN"
    control.mkdir()
    major, minor = package.release.python
    text = (HERE / "control.in").read_text(encoding="utf-8")
    values = {
        "VERSION": package.version,
        "ARCHITECTURE": package.arch,
        "INSTALLED_SIZE": str(installed_kib(tree)),
        "PYTHON": f"python3 (>= {major}.{minor}), python3 (<< {major}.{minor + 1})",
        "GLIBC": ".".join(str(part) for part in package.release.glibc),
    }
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    (control / "control").write_text(text, encoding="utf-8")
    conffiles = sorted(
        f"/{p.relative_to(tree)}\n" for p in (tree / "etc").rglob("*") if p.is_file()
    )
    (control / "conffiles").write_text("".join(conffiles), encoding="utf-8")
    for name in ("postinst", "prerm", "postrm"):
        copy(HERE / name, control / name, mode=0o755)


def pack(tree: Path, out: Path, package: Package, compress: str) -> Path:
    """Return the path of the package; every file bears the commit's time and root's name."""
    out.mkdir(parents=True, exist_ok=True)
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    target = out / f"edge-runtime_{package.version}_{package.arch}.deb"
    command = ["dpkg-deb", "--root-owner-group", f"-Z{compress}", "--build", tree, target]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(package.made_at)}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return target


def copy(source: Path, target: Path, mode: int = 0o644) -> None:
    """Copy one file with its directories."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


def write_gzip(target: Path, data: bytes) -> None:
    """Write a file, compressed as hard as can be and without a time."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(data, compresslevel=9, mtime=0))


def installed_kib(tree: Path) -> int:
    """Return what the files take, in KiB."""
    return sum(-(-p.lstat().st_size // 1024) for p in tree.rglob("*") if p.is_file())


def project_version() -> str:
    """Return the version in `edge_runtime/_version.py`."""
    text = (ROOT / "edge_runtime" / "_version.py").read_text(encoding="utf-8")
    return text.partition('__version__ = "')[2].partition('"')[0]


def commit_time() -> int:
    """Return the last commit's time, seconds since the epoch; what is given wins."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _maintainer() -> str:
    text = (HERE / "control.in").read_text(encoding="utf-8")
    return text.partition("Maintainer: ")[2].partition("\n")[0]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--arch", choices=sorted(MACHINES), default="amd64")
    parser.add_argument("--release", choices=sorted(RELEASES), default="bookworm")
    parser.add_argument("--build", type=int, default=0, help="of the same version, 0 is the first")
    parser.add_argument("--extras", default=EXTRAS, help=f"of edge-runtime (default {EXTRAS})")
    parser.add_argument("--out", type=Path, default=Path("dist"))
    parser.add_argument(
        "--compress", choices=["xz", "zstd", "none"], default="zstd",
        help="zstd needs dpkg 1.21.18 (Debian 12); xz is smaller and takes minutes",
    )  # fmt: skip
    return parser.parse_args()


if __name__ == "__main__":
    main()
