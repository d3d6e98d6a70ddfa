"""The pod of the DaemonSet, started by podman.

Podman 4.3 knows no DaemonSet, no field of a node and no volume of secrets, so a Deployment is made
of the pod's template, with the node's name as a value and the secret's folder as one of the host.
This says that pod, init containers, configuration, claim and state start and infer; nothing of
scheduling, network policy or admission.
"""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.broker.mosquitto import Listener, Mosquitto, eventually
from tests.deploy.configurations import FRAMES, Variant
from tests.deploy.manifests import base_documents
from tests.deploy.podman import Podman
from tests.edge_runtime.bundles import brightness_bundle, sum_bundle

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(1200)]
CLAIM = "edge-runtime-models"


def playable(documents: dict[str, Any], place: Path, port: int) -> str:
    """Return the base's documents as podman 4.3 takes them, with the broker's port."""
    daemon_set = copy.deepcopy(documents["DaemonSet"])
    # Else podman 4.3 removes each init container at its end, and fails where it is not ended yet.
    kept = {"io.podman.annotations.init.container.type": "always"}
    daemon_set["metadata"]["annotations"] = kept
    pod = daemon_set["spec"]["template"]["spec"]
    del pod["nodeSelector"]
    pod["hostNetwork"] = True
    pod["initContainers"][0]["env"] = [{"name": "NODE_NAME", "value": "rack.node-1"}]
    folders = {"state": place / "state", "secrets": place / "secrets"}
    folders |= {name: place / name for name in ("config", "pulse", "scratch")}
    for volume in pod["volumes"]:
        if volume["name"] in folders:
            folder = folders[volume["name"]]
            folder.mkdir(exist_ok=True)
            folder.chmod(0o777 if volume["name"] != "state" else 0o755)
            name = volume["name"]
            volume.clear()
            volume |= {"name": name, "hostPath": {"path": str(folder), "type": "Directory"}}
    (folders["secrets"] / "mqtt-password").write_text("change-me")
    deployment = {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": daemon_set["metadata"],
        "spec": {**daemon_set["spec"], "replicas": 1},
    }  # fmt: skip
    config_map = copy.deepcopy(documents["ConfigMap"])
    config = Variant("@NODE@").config(port, "/models")
    config_map["data"]["config.toml"] = config
    return "---\n".join(yaml.safe_dump(each) for each in (config_map, deployment))


@pytest.fixture
def played(podman: Podman, host_broker: Mosquitto, tmp_path: Path) -> Iterator[Path]:
    """The pod's state on the host, while it runs; its models are in the claim."""
    documents = base_documents()
    claim = tmp_path / "claim.yaml"
    claim.write_text(yaml.safe_dump(documents["PersistentVolumeClaim"]))
    podman.attempt("volume", "rm", "--force", CLAIM)  # another test's
    podman.run("play", "kube", str(claim))
    models = Path(podman.run("volume", "inspect", "--format={{.Mountpoint}}", CLAIM))
    brightness_bundle(models)
    sum_bundle(models)
    manifest = tmp_path / "play.yaml"
    manifest.write_text(playable(documents, tmp_path, host_broker.port))
    podman.run("play", "kube", "--network=host", str(manifest))
    yield tmp_path / "state"
    podman.attempt("play", "kube", "--down", str(manifest))
    podman.attempt("volume", "rm", "--force", CLAIM)


def test_the_pod_names_itself_after_its_node_and_infers(
    podman: Podman, host_broker: Mosquitto, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    listener = Listener(host_broker.port, "edge/v1/deploy/rack-node-1/#", "listener-kube")
    state = request.getfixturevalue("played")  # after the listener, which misses nothing then

    try:
        listener.wait_for("p/door/event", FRAMES, 240)
        listener.wait_for("p/scale/event", FRAMES, 240)
    except AssertionError as error:
        logs = [podman.attempt("logs", n) for n in podman.run("ps", "-aq").split()]
        raise AssertionError([log.stdout + log.stderr for log in logs]) from error

    eventually(lambda: listener.texts("/status")[-1:] == ["online"], "it is online")
    assert state.stat().st_uid == 10001
    listener.close()
