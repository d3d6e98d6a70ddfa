"""The image, run as docs/deploy.md says: no root, a read-only root, no capability."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker.mosquitto import Listener, Mosquitto, eventually
from tests.deploy.configurations import FRAMES, Variant
from tests.deploy.conftest import IMAGE
from tests.deploy.podman import Podman
from tests.edge_runtime.bundles import brightness_bundle, sum_bundle

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(1200)]
CONFINED = (
    "--read-only", "--read-only-tmpfs=false", "--cap-drop=all",
    "--security-opt=no-new-privileges", "--tmpfs=/tmp:mode=1777",
    "--tmpfs=/run/edge-runtime:mode=1777",
)  # fmt: skip
READY_S = 180.0


@pytest.fixture(scope="module")
def listener(host_broker: Mosquitto) -> Iterator[Listener]:
    """A subscriber to the container's topics."""
    listener = Listener(host_broker.port, "edge/v1/deploy/boxed/#", "listener-container")
    yield listener
    listener.close()


@pytest.fixture(scope="module")
def container(
    podman: Podman, host_broker: Mosquitto, listener: Listener,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:  # fmt: skip
    """The running container's name."""
    place = tmp_path_factory.mktemp("boxed")
    brightness_bundle(place / "models")
    sum_bundle(place / "models")
    config = place / "config.toml"
    config.write_text(Variant("boxed").config(host_broker.port, "/models"))
    readable(place)
    podman.run(
        "run", "--detach", "--name=boxed", "--network=host", *CONFINED,
        f"--volume={config}:/etc/edge-runtime/config.toml:ro",
        f"--volume={place / 'models'}:/models:ro", "--volume=edge-state:/state", IMAGE,
    )  # fmt: skip
    yield "boxed"
    podman.attempt("rm", "--force", "--time=1", "boxed")


def readable(place: Path) -> None:
    """Let the container's user in; pytest makes its folders for root alone."""
    for parent in (place, *place.parents[:2]):
        parent.chmod(parent.stat().st_mode | 0o055)


def test_the_container_publishes_predictions(
    podman: Podman, container: str, listener: Listener
) -> None:
    assert podman.run("inspect", "--format={{.State.Status}}", container) == "running", (
        podman.attempt("logs", container).stderr
    )
    listener.wait_for("p/door/event", FRAMES, READY_S)
    listener.wait_for("p/scale/event", FRAMES, READY_S)

    status = listener.wait_for("/status", 1, READY_S)[-1]
    assert (status.payload, status.retain) == (b"online", True)
    (image,) = json.loads(podman.run("image", "inspect", IMAGE))
    print(f"{IMAGE}: {image['Size'] / 1e6:.0f} MB")


def test_it_is_nobody_and_writes_nothing_but_its_state(podman: Podman, container: str) -> None:
    who = podman.run("exec", container, "/usr/bin/id", "-u")
    refused = podman.attempt("exec", container, "/usr/bin/touch", "/opt/x")
    allowed = podman.attempt("exec", container, "/usr/bin/touch", "/state/x")

    assert who == "10001"
    assert "Read-only file system" in refused.stderr
    assert allowed.returncode == 0, allowed.stderr


def test_its_health_check_tells_whether_it_lives(podman: Podman, container: str) -> None:
    eventually(
        lambda: podman.attempt("healthcheck", "run", container).returncode == 0,
        "the health check passes", READY_S,
    )  # fmt: skip

    without_a_daemon = podman.attempt("run", "--rm", "--network=host", *CONFINED, IMAGE, "status")

    assert without_a_daemon.returncode == 1
    assert "no daemon writes it" in without_a_daemon.stderr


def test_it_stops_in_good_order(podman: Podman, container: str, listener: Listener) -> None:
    podman.run("stop", "--time=30", container)

    eventually(lambda: listener.texts("/status")[-1] == "stopped", "`stopped` is published")
    state = podman.run("inspect", "--format={{.State.ExitCode}}", container)
    assert state == "0"
