"""The Kubernetes files as they stand in deploy/, read as kustomize would."""

from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT

KUBERNETES = ROOT / "deploy" / "kubernetes"
BASE, SERVING = KUBERNETES / "base", KUBERNETES / "serving"
HELM = ROOT / "deploy" / "helm"
CHART = HELM / "edge-runtime"


def base_documents() -> dict[str, Any]:
    """Return the base's documents by kind."""
    return documents_of(BASE)


def documents_of(folder: Path) -> dict[str, Any]:
    """Return what a folder's kustomization lists, by kind."""
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    documents = [read(folder / name) for name in listed]
    return {document["kind"]: document for document in documents}


def read(path: Path) -> Any:
    """Return a file's only document; an anchor is a copy of its own."""
    return yaml.safe_load(path.read_text())
