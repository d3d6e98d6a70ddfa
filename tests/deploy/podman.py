"""Podman with a store of its own, for machines without a registry or crun."""

import os
import subprocess
from pathlib import Path

# Where CAP_SYS_RESOURCE is missing, podman's own limits cannot be set.
LIMITS = '[containers]\ndefault_ulimits = ["nofile=20000:20000", "nproc=2048:2048"]\n'


class Podman:
    """Its images and containers live below one directory and end with it."""

    def __init__(self, directory: Path) -> None:
        self._store = ["--storage-driver", "vfs", "--root", str(directory / "store")]
        self._store += ["--runroot", str(directory / "run")]
        (directory / "containers.conf").write_text(LIMITS)
        self._environment = {
            **os.environ, "CONTAINERS_CONF": str(directory / "containers.conf"),
            "BUILDAH_OPTIONS": " ".join(self._store),
        }  # fmt: skip

    def build(self, script: Path, package: Path, tag: str, rootfs: Path) -> None:
        environment = {**self._environment, "ROOTFS": str(rootfs)}
        done = subprocess.run(
            [str(script), str(package), tag], env=environment, check=False,
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def attempt(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        options = ["--cgroup-manager", "cgroupfs", "--runtime", "runc"]
        return subprocess.run(
            ["podman", *self._store, *options, *arguments], env=self._environment, check=False,
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip

    def run(self, *arguments: str) -> str:
        done = self.attempt(*arguments)
        assert done.returncode == 0, f"podman {arguments[0]}: {done.stdout}{done.stderr}"
        return done.stdout.strip()
