"""The Debian package by itself: lintian's word, the same bytes twice, the other architecture."""

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(1800)]
AARCH64 = 183  # e_machine of an ELF file


def test_lintian_finds_nothing_but_what_is_listed(package: Path) -> None:
    done = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error,warning", str(package)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip

    size_mb = package.stat().st_size / 1e6
    print(f"{package.name}: {size_mb:.1f} MB, lintian --fail-on error,warning: {done.returncode}")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_same_commit_gives_the_same_bytes(package: Path, build: Callable[..., Path]) -> None:
    again = build(folder="again")

    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (package, again)]
    print(f"{package.name}: SHA-256 {digests[0]}")
    assert package != again
    assert digests[0] == digests[1]


def test_the_package_for_arm64_holds_code_for_arm64_only(
    build: Callable[..., Path], tmp_path: Path
) -> None:
    package = build(arch="arm64")
    subprocess.run(["dpkg-deb", "--extract", str(package), str(tmp_path)], check=True)

    heads = {path: path.read_bytes()[:20] for path in tmp_path.rglob("*.so*") if path.is_file()}
    machines = {
        str(path.relative_to(tmp_path)): int.from_bytes(head[18:20], "little")
        for path, head in heads.items()
        if head.startswith(b"\x7fELF")
    }
    print(f"{package.name}: {package.stat().st_size / 1e6:.1f} MB, {len(machines)} ELF files")
    assert len(machines) > 20
    assert {path: m for path, m in machines.items() if m != AARCH64} == {}
