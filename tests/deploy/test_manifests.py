"""The files for Kubernetes and compose, read: quick, without any of the tools that run them."""

import subprocess
import sys
from typing import Any

import pytest
import yaml

from edge_runtime.config.loading import decode_config
from tests.conftest import ROOT
from tests.deploy.manifests import BASE, CHART, SERVING, base_documents, read

CHART_MAKER = ROOT / "deploy" / "helm" / "make_chart.py"
COMPOSE = ROOT / "deploy" / "container" / "compose.yaml"


@pytest.fixture(scope="module")
def pod() -> dict[str, Any]:
    """The DaemonSet's pod."""
    spec: dict[str, Any] = base_documents()["DaemonSet"]["spec"]["template"]["spec"]
    return spec


def test_every_volume_is_defined_and_used(pod: dict[str, Any]) -> None:
    defined = {volume["name"] for volume in pod["volumes"]}
    containers = pod["containers"] + pod["initContainers"]
    used = {mount["name"] for each in containers for mount in each["volumeMounts"]}

    assert used == defined


def test_what_the_pod_names_is_in_the_base(pod: dict[str, Any]) -> None:
    documents = base_documents()
    volumes = {volume["name"]: volume for volume in pod["volumes"]}

    assert volumes["template"]["configMap"]["name"] == documents["ConfigMap"]["metadata"]["name"]
    assert volumes["secrets"]["secret"]["secretName"] == documents["Secret"]["metadata"]["name"]
    claim = documents["PersistentVolumeClaim"]["metadata"]["name"]
    assert volumes["models"]["persistentVolumeClaim"]["claimName"] == claim


def test_the_daemon_has_no_root_and_no_capability(pod: dict[str, Any]) -> None:
    (daemon,) = pod["containers"]
    security = daemon["securityContext"]

    assert (security["runAsNonRoot"], security["readOnlyRootFilesystem"]) == (True, True)
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["allowPrivilegeEscalation"] is False


def test_the_configuration_is_one_that_the_daemon_takes() -> None:
    text = base_documents()["ConfigMap"]["data"]["config.toml"]

    config = decode_config(text.replace("@NODE@", "node-1"))

    assert config.device.id == "node-1"


def test_the_policy_and_the_set_select_the_same_pods() -> None:
    documents = base_documents()
    labels = documents["DaemonSet"]["spec"]["selector"]["matchLabels"]

    assert documents["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    assert documents["DaemonSet"]["spec"]["template"]["metadata"]["labels"] == labels


def test_the_chart_is_made_from_the_base() -> None:
    done = subprocess.run(
        [sys.executable, str(CHART_MAKER), "--check"], check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr + "; python deploy/helm/make_chart.py"


def test_compose_confines_the_daemon() -> None:
    daemon = yaml.safe_load(COMPOSE.read_text())["services"]["edge-runtime"]

    assert daemon["read_only"] is True
    assert daemon["cap_drop"] == ["ALL"]
    assert daemon["user"] == "10001:10001"


@pytest.mark.deploy
@pytest.mark.parametrize(
    "path",
    sorted([*BASE.glob("[!k]*.yaml"), *SERVING.glob("[!k]*.yaml")]),
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)
def test_kubernetes_own_schema_takes_each_document(path: Any) -> None:
    import kubernetes_validate  # noqa: PLC0415 - installed by `make deploy-test`

    kubernetes_validate.validate(read(path), "1.37", strict=True)


@pytest.mark.deploy
def test_helm_renders_the_base() -> None:
    from helm_python.chart import Chart  # noqa: PLC0415 - installed by `make deploy-test`

    rendered = Chart.load(str(CHART)).render(name="edge", namespace="edge-runtime")
    other = Chart.load(str(CHART)).render({"image": "r/e:2"}, name="edge", namespace="other")

    assert len(rendered) == 4
    for name, text in rendered.items():
        assert yaml.safe_load(text) == read(BASE / name.rpartition("/")[2]), name
    changed = yaml.safe_load(other["edge-runtime/templates/daemonset.yaml"])
    (daemon,) = changed["spec"]["template"]["spec"]["containers"]
    assert (daemon["image"], changed["metadata"]["namespace"]) == ("r/e:2", "other")


@pytest.mark.deploy
def test_the_compose_specification_takes_the_file() -> None:
    from compose_spec import PyCompose  # noqa: PLC0415 - installed by `make deploy-test`

    PyCompose.from_yaml(COMPOSE.read_text())
