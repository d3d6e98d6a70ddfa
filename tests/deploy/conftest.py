"""What the deployment tests share: packages, a root file system, a broker. Root only, slow.

EDGE_DEPLOY_KEEP=DIRECTORY keeps packages and root file systems there, and takes what is there: for
whoever works on these tests. Without it everything is made anew.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.broker.mosquitto import Mosquitto
from tests.conftest import ROOT
from tests.deploy.podman import Podman

IMAGE = "localhost/edge-runtime:0.1.0"
BUILDER = ROOT / "deploy" / "debian" / "build_package.py"
PACKAGES_OF_THE_ROOT = "systemd,systemd-sysv,dbus,udev,python3,libstdc++6,ca-certificates,apt,gpgv"


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where large things are made."""
    given = os.environ.get("EDGE_DEPLOY_KEEP")
    place = Path(given) if given else tmp_path_factory.mktemp("deploy")
    place.mkdir(exist_ok=True)
    return place


@pytest.fixture(scope="session")
def build(kept: Path) -> Callable[..., Path]:
    """Build a package: of an architecture, the n-th build, into a folder of that name."""

    def make(arch: str = "amd64", build: int = 0, folder: str = "packages") -> Path:
        out = kept / folder
        suffix = f"+b{build}" if build else ""
        found = sorted(out.glob(f"edge-runtime_*[0-9]{suffix}~bookworm_{arch}.deb"))
        found = [path for path in found if ("+b" in path.name) == bool(build)]
        if found:
            return found[0]
        command = [sys.executable, str(BUILDER), f"--arch={arch}", f"--build={build}"]
        done = subprocess.run(
            [*command, f"--out={out}"], check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return Path(done.stdout.strip())

    return make


@pytest.fixture(scope="session")
def package(build: Callable[..., Path]) -> Path:
    """The package for amd64."""
    return build()


@pytest.fixture(scope="session")
def newer_package(build: Callable[..., Path]) -> Path:
    """A later build of the same version."""
    return build(build=1)


@pytest.fixture(scope="session")
def rootfs(kept: Path) -> Path:
    """A minimal Debian that boots, as a tar file."""
    tar = kept / "rootfs.tar"
    if not tar.exists():
        subprocess.run(
            [
                "mmdebstrap", "--quiet", "--variant=minbase",
                f"--include={PACKAGES_OF_THE_ROOT}", "bookworm", str(tar),
            ],
            check=True,
        )  # fmt: skip
    return tar


@pytest.fixture(scope="session")
def new_root(
    rootfs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Path]]:
    """Unpack that Debian, without a place to download from; removed at the end."""
    made: list[Path] = []

    def make() -> Path:
        root = tmp_path_factory.mktemp("machine")
        made.append(root)
        subprocess.run(["tar", "-C", str(root), "-xf", str(rootfs)], check=True)
        (root / "etc/apt/sources.list").write_text("")
        (root / "var/log/journal").mkdir(exist_ok=True)
        return root

    yield make
    for root in made:
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def host_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A mosquitto of the host, on a loopback port that the machine shares."""
    mosquitto = Mosquitto(tmp_path_factory.mktemp("broker"))
    mosquitto.start()
    yield mosquitto
    mosquitto.kill()


@pytest.fixture(scope="session")
def podman(kept: Path, package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """A podman that has the image `IMAGE`."""
    engine = Podman(tmp_path_factory.mktemp("podman"))
    engine.build(ROOT / "deploy/container/build", package, IMAGE, kept / "container.tar")
    yield engine
    engine.attempt("rm", "--all", "--force", "--time", "1")
    engine.attempt("rmi", "--all", "--force")
