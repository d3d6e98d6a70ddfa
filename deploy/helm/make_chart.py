"""Write the Helm charts from what kustomize reads: the same, with values where users differ.

    python deploy/helm/make_chart.py            # writes deploy/helm/edge-runtime/, edge-serving/
    python deploy/helm/make_chart.py --check    # exit 1 where they are not what kustomize reads

One source of truth: what is changed is in deploy/kubernetes. A value is a scalar or a block that
stands in one place; there is no condition in a template.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
HELM = Path(__file__).resolve().parent
NAMESPACE = "namespace: edge-runtime\n"


@dataclass(frozen=True, slots=True)
class Value:
    """Text of a document that a value takes the place of.

    Attributes:
        path: Of the value, "image.name".
    """

    file: str
    text: str
    template: str
    path: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart and where it comes from.

    Attributes:
        source: Its folder below deploy/kubernetes.
        files: Of that folder, one document each.
        values: What users may say otherwise.
        has_configuration: Whether the daemon's configuration is a value, too.
    """

    name: str
    description: str
    source: str
    files: tuple[str, ...]
    values: tuple[Value, ...]
    has_configuration: bool = False


IMAGE = ("image: localhost/edge-runtime:0.1.0", "image: {{ .Values.image }}", "image")
RUNTIME = Chart(
    "edge-runtime",
    "inference on cameras and sensors of each node, published over MQTT",
    "base",
    ("configuration.yaml", "models.yaml", "daemonset.yaml", "network-policy.yaml"),
    (
        Value("daemonset.yaml", *IMAGE),
        Value("daemonset.yaml", 'nodeSelector:\n        edge-runtime/camera: "true"\n',
              "nodeSelector:\n{{ toYaml .Values.nodeSelector | indent 8 }}\n", "nodeSelector"),
        Value("daemonset.yaml", "path: /var/lib/edge-runtime-pod,",
              "path: {{ .Values.statePath }},", "statePath"),
        Value("daemonset.yaml", "resources:\n            requests: {cpu: 250m, memory: 256Mi}\n"
              "            limits: {memory: 1Gi}\n",
              "resources:\n{{ toYaml .Values.resources | indent 12 }}\n", "resources"),
        Value("models.yaml", "storage: 1Gi", "storage: {{ .Values.modelsSize }}", "modelsSize"),
    ),
    has_configuration=True,
)  # fmt: skip
SERVING = Chart(
    "edge-serving",
    "predictions on request over HTTP, scaled by load",
    "serving",
    ("deployment.yaml", "service.yaml", "autoscaler.yaml", "disruption-budget.yaml",
     "network-policy.yaml"),
    (
        Value("deployment.yaml", *IMAGE),
        Value("deployment.yaml", "args: [serve, person-detect, --models-dir, /models, --bind, "
              '"0.0.0.0:8080", --drain-s, "10"]', "args: {{ toJson .Values.args }}", "args"),
        Value("deployment.yaml", "claimName: edge-runtime-models,",
              "claimName: {{ .Values.modelsClaim }},", "modelsClaim"),
        Value("deployment.yaml", "resources:\n            requests: {cpu: 500m, memory: 256Mi}\n"
              "            limits: {memory: 1Gi}\n",
              "resources:\n{{ toYaml .Values.resources | indent 12 }}\n", "resources"),
        Value("autoscaler.yaml", "minReplicas: 2", "minReplicas: {{ .Values.minReplicas }}",
              "minReplicas"),
        Value("autoscaler.yaml", "maxReplicas: 10", "maxReplicas: {{ .Values.maxReplicas }}",
              "maxReplicas"),
    ),
)  # fmt: skip
CHARTS = (RUNTIME, SERVING)


def main() -> None:
    """Write the charts, or compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    files = {path: text for chart in CHARTS for path, text in chart_files(chart).items()}
    stale = [p for p, text in files.items() if not p.is_file() or p.read_text() != text]
    if options.check:
        sys.exit(f"stale: {', '.join(map(str, stale))}" if stale else 0)
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def chart_files(chart: Chart) -> dict[Path, str]:
    """Return a chart's text by path; all but the secret, which a chart's values must not hold."""
    folder = HELM / chart.name
    head = f"# Made by make_chart.py from deploy/kubernetes/{chart.source}.\n"
    values = {value.path: _default(value) for value in chart.values}
    files = {
        folder / "Chart.yaml": head + _about(chart),
        folder / "values.yaml": head + yaml.safe_dump(values) + _configuration(chart),
    }
    for name in chart.files:
        files[folder / "templates" / name] = template(name, chart)
    return files


def template(name: str, chart: Chart) -> str:
    """Return one document as a template."""
    text = (KUBERNETES / chart.source / name).read_text(encoding="utf-8")
    text = text.replace(NAMESPACE, "namespace: {{ .Release.Namespace }}\n")
    for value in chart.values:
        if value.file == name:
            assert value.text in text, f"{name}: {value.text!r} is gone"
            text = text.replace(value.text, value.template)
    if name == "configuration.yaml":
        head, _, _ = text.partition("config.toml: |\n")
        text = head + "config.toml: |\n{{ .Values.configuration | indent 4 }}\n"
    return text


def _configuration(chart: Chart) -> str:
    if not chart.has_configuration:
        return ""
    document = yaml.safe_load((KUBERNETES / chart.source / "configuration.yaml").read_text())
    lines = document["data"]["config.toml"].splitlines()
    return "configuration: |\n" + "".join(f"  {line}\n" if line else "\n" for line in lines)


def _default(value: Value) -> object:
    """Return what the document says where the value stands."""
    key, _, rest = value.text.partition(":")
    text = f"{key}:{rest}".rstrip(",")
    return next(iter(yaml.safe_load(text).values()))


def _about(chart: Chart) -> str:
    version = (ROOT / "edge_runtime/_version.py").read_text().partition('__version__ = "')[2]
    number = version.partition('"')[0]
    return (
        f"apiVersion: v2\nname: {chart.name}\ntype: application\n"
        f'description: {chart.description}\nversion: {number}\nappVersion: "{number}"\n'
    )


if __name__ == "__main__":
    main()
