"""Predictions on request in a cluster: what the files say, and that the pod answers in podman."""

import copy
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from tests.broker.mosquitto import eventually
from tests.deploy.manifests import HELM, KUBERNETES, SERVING, documents_of, read
from tests.deploy.podman import Podman
from tests.edge_runtime.bundles import brightness_bundle
from tests.ports import free_port

KSERVE = KUBERNETES / "kserve"
MONITOR = KUBERNETES / "serving-monitor" / "service-monitor.yaml"
CLAIM = "edge-runtime-models"


@pytest.fixture(scope="module")
def documents() -> dict[str, Any]:
    """By kind."""
    return documents_of(SERVING)


def container_of(documents: dict[str, Any]) -> dict[str, Any]:
    (container,) = documents["Deployment"]["spec"]["template"]["spec"]["containers"]
    return dict(container)


def test_all_select_the_deployment_s_pods(documents: dict[str, Any]) -> None:
    spec = documents["Deployment"]["spec"]
    labels = spec["template"]["metadata"]["labels"]

    assert spec["selector"]["matchLabels"] == labels
    assert documents["Service"]["spec"]["selector"] == labels
    for kind, key in (("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")):
        assert documents[kind]["spec"][key]["matchLabels"] == labels
    assert (
        read(MONITOR)["spec"]["selector"]["matchLabels"]
        == (documents["Service"]["metadata"]["labels"])
    )
    target = documents["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert target["name"] == documents["Deployment"]["metadata"]["name"]


def test_all_mean_the_port_that_the_pod_opens(documents: dict[str, Any]) -> None:
    container = container_of(documents)
    (port,) = container["ports"]
    (service_port,) = documents["Service"]["spec"]["ports"]
    (ingress,) = documents["NetworkPolicy"]["spec"]["ingress"]

    assert f"0.0.0.0:{port['containerPort']}" in container["args"]
    assert service_port["targetPort"] == port["name"]
    assert [p["port"] for p in ingress["ports"]] == [port["containerPort"]]
    assert read(MONITOR)["spec"]["endpoints"][0]["port"] == service_port["name"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["port"] == port["name"]


def test_the_pod_has_no_root_and_leaves_time_to_drain(documents: dict[str, Any]) -> None:
    container = container_of(documents)
    pod = documents["Deployment"]["spec"]["template"]["spec"]

    assert container["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    drain_s = float(container["args"][container["args"].index("--drain-s") + 1])
    assert pod["terminationGracePeriodSeconds"] > drain_s + 20  # and what is under way then


@pytest.mark.parametrize("path", [SERVING / "deployment.yaml", KSERVE / "serving-runtime.yaml"])
def test_the_arguments_are_those_of_the_command(path: Path) -> None:
    from edge_runtime.http.commands import serve  # noqa: PLC0415

    spec = read(path)["spec"]
    (container,) = (spec["template"]["spec"] if "template" in spec else spec)["containers"]
    command, *arguments = container["args"]

    assert command == "serve"
    parsed = serve.make_context("serve", arguments).params
    assert parsed["bind"] == "0.0.0.0:8080"


def test_kserve_finds_runtime_and_format() -> None:
    runtime = read(KSERVE / "serving-runtime.yaml")
    model = read(KSERVE / "inference-service.yaml")["spec"]["predictor"]["model"]
    (container,) = runtime["spec"]["containers"]
    (known,) = runtime["spec"]["supportedModelFormats"]

    assert model["runtime"] == runtime["metadata"]["name"]
    assert model["modelFormat"] == {key: known[key] for key in ("name", "version")}
    assert model["protocolVersion"] in runtime["spec"]["protocolVersions"]
    assert container["name"] == "kserve-container"  # KServe puts storage and probes into this one


@pytest.mark.deploy
def test_helm_renders_the_deployment() -> None:
    from helm_python.chart import Chart  # noqa: PLC0415 - installed by `make deploy-test`

    chart = Chart.load(str(HELM / "edge-serving"))
    rendered = chart.render(name="edge", namespace="edge-runtime")
    other = chart.render({"args": ["serve", "door"]}, name="edge", namespace="other")

    assert len(rendered) == 5
    for name, text in rendered.items():
        assert yaml.safe_load(text) == read(SERVING / name.rpartition("/")[2]), name
    changed = yaml.safe_load(other["edge-serving/templates/deployment.yaml"])
    (container,) = changed["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["serve", "door"]


@pytest.fixture
def played(podman: Podman, documents: dict[str, Any], tmp_path: Path) -> Iterator[str]:
    """The Deployment's pod, on a free port of this host's loopback; its address."""
    claim = read(KUBERNETES / "base" / "models.yaml")
    deployment = copy.deepcopy(documents["Deployment"])
    deployment["spec"] |= {"replicas": 1}
    address = f"127.0.0.1:{free_port()}"
    container = container_of({"Deployment": deployment})
    container["args"] = [
        {"person-detect": "brightness", "0.0.0.0:8080": address, "10": "1"}.get(word, word)
        for word in container["args"]
    ]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        del container[probe]  # podman 4.3 asks them by a curl that the image does not have
    del container["ports"]  # nor does it take them on the host's network
    deployment["spec"]["template"]["spec"] |= {"containers": [container], "hostNetwork": True}
    manifest = tmp_path / "play.yaml"
    manifest.write_text(yaml.safe_dump(claim))
    podman.attempt("volume", "rm", "--force", CLAIM)  # another test's
    podman.run("play", "kube", str(manifest))
    brightness_bundle(Path(podman.run("volume", "inspect", "--format={{.Mountpoint}}", CLAIM)))
    manifest.write_text(yaml.safe_dump(deployment))
    podman.run("play", "kube", "--network=host", str(manifest))
    yield f"http://{address}"
    podman.attempt("play", "kube", "--down", str(manifest))
    podman.attempt("volume", "rm", "--force", CLAIM)


@pytest.mark.deploy
@pytest.mark.timeout(1200)
def test_the_pod_answers(played: str) -> None:
    def is_ready() -> bool:
        try:
            with urllib.request.urlopen(f"{played}/v2/health/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    eventually(is_ready, "the pod is ready", 120)
    _, png = cv2.imencode(".png", np.full((2, 2, 3), 250, np.uint8))
    request = urllib.request.Request(
        f"{played}/models/brightness/predictions", png.tobytes(), {"Content-Type": "image/png"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        best = json.load(answer)["results"][0]

    assert best["label"] == "bright"
