"""A signed repository: apt installs from it, goes back to an older one, refuses what is forged."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.deploy.machine import Machine

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(900)]
PUBLISH = ROOT / "deploy" / "apt" / "publish"
APT = ("apt-get", "--quiet", "--yes", "--no-install-recommends", "--allow-downgrades")


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gpg home with one secret key."""
    home = tmp_path_factory.mktemp("gpg")
    home.chmod(0o700)
    command = ["gpg", "--batch", "--passphrase", "", "--quick-gen-key", "edge test", "ed25519"]
    subprocess.run([*command, "sign"], check=True, capture_output=True, env=environment(home))
    return home


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "GNUPGHOME": str(home)}


def publish(repository: Path, home: Path, *packages: Path) -> "subprocess.CompletedProcess[str]":
    command = [str(PUBLISH), str(repository), "edge test", *map(str, packages)]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment(home)
    )


@pytest.fixture(scope="module")
def machine(
    new_root: Callable[[], Path], keyring: Path, package: Path, newer_package: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Machine]:  # fmt: skip
    """A machine that knows the repository and its key."""
    repository = tmp_path_factory.mktemp("repository") / "apt"
    done = publish(repository, keyring, package, newer_package)
    assert done.returncode == 0, done.stderr
    for path in (repository.parent, repository):
        path.chmod(0o755)
    machine = Machine(new_root(), ((repository, "/srv/apt"),))
    sources = (ROOT / "deploy" / "apt" / "edge-runtime.sources").read_text()
    sources = sources.replace("https://apt.example/edge-runtime", "file:/srv/apt")
    machine.write("/etc/apt/sources.list.d/edge-runtime.sources", sources)
    key = machine.root / "usr/share/keyrings/edge-runtime.gpg"
    key.write_bytes((repository / "edge-runtime.gpg").read_bytes())
    try:
        yield machine.start()
    finally:
        machine.stop()


def installed(machine: Machine) -> str:
    return machine.run("dpkg-query", "--show", "--showformat=${Version}", "edge-runtime")


def test_apt_installs_the_newest_and_goes_back(
    machine: Machine, package: Path, newer_package: Path
) -> None:
    older, newer = (path.name.split("_")[1] for path in (package, newer_package))
    machine.run("apt-get", "update")

    machine.run(*APT, "install", "edge-runtime")
    assert installed(machine) == newer

    machine.run(*APT, "install", f"edge-runtime={older}")
    assert installed(machine) == older
    assert "0.1.0" in machine.run("edge-runtime", "--version")

    machine.run("apt-mark", "hold", "edge-runtime")
    machine.run(*APT, "upgrade")
    assert installed(machine) == older
    machine.run("apt-mark", "unhold", "edge-runtime")
    machine.run(*APT, "upgrade")
    assert installed(machine) == newer


def test_an_index_that_was_changed_is_refused(
    machine: Machine, keyring: Path, tmp_path: Path, package: Path
) -> None:
    repository = tmp_path / "apt"
    assert publish(repository, keyring, package).returncode == 0
    signed = repository / "dists/bookworm/InRelease"
    signed.write_text(signed.read_text().replace("Origin: edge-runtime", "Origin: somebody"))
    place = machine.root / "srv/forged"
    subprocess.run(["cp", "-r", str(repository), str(place)], check=True)
    sources = machine.root / "etc/apt/sources.list.d/edge-runtime.sources"
    honest = sources.read_text()
    machine.write(
        "/etc/apt/sources.list.d/edge-runtime.sources", honest.replace("/srv/apt", "/srv/forged")
    )

    done = machine.attempt("apt-get", "update", "--error-on=any")

    machine.write("/etc/apt/sources.list.d/edge-runtime.sources", honest)
    assert done.returncode != 0
    assert "signature" in done.stderr.lower()


def test_other_bytes_under_a_published_version_are_refused(
    keyring: Path, tmp_path: Path, package: Path
) -> None:
    repository = tmp_path / "apt"
    place = repository / "pool/bookworm" / package.name
    place.parent.mkdir(parents=True)
    place.write_bytes(b"other")

    done = publish(repository, keyring, package)

    assert done.returncode == 1
    assert "raise the version" in done.stderr
