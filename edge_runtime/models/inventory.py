"""The bundles below a models directory: what they are, and whether they are unchanged."""

from pathlib import Path

import msgspec

from edge_runtime.diagnosis.findings import Finding, Level
from edge_runtime.errors import BundleError
from edge_runtime.manifest import MANIFEST_NAME, decode_manifest, load_bundle
from edge_runtime.models.store import find_bundle, list_versions


class Entry(msgspec.Struct, frozen=True):
    """One version of one bundle; `problem` where its manifest cannot be read."""

    name: str
    version: int
    task: str
    bytes: int
    problem: str | None = None


def inventory(directory: Path) -> list[Entry]:
    """Return every bundle, by name and version."""
    return [_entry(bundle) for bundle in _bundles(directory)]


def inventory_json(entries: list[Entry]) -> str:
    """Return `{"models": [...]}`."""
    return msgspec.json.encode({"models": entries}).decode()


def inventory_text(entries: list[Entry]) -> str:
    """Return one line a bundle."""
    lines = [
        f"{entry.name}@{entry.version}  {entry.task}  {entry.bytes / 1024:.1f} KiB"
        if entry.problem is None
        else f"{entry.name}@{entry.version}  {entry.problem}"
        for entry in entries
    ]
    return "\n".join(lines) if lines else "no bundles"


def verify(directory: Path, model: str | None) -> list[Finding]:
    """Return whether the files of one bundle, or of every one, are what their manifest says.

    Raises:
        BundleError: The named bundle is not there.
    """
    bundles = _bundles(directory) if model is None else [find_bundle(model, directory)]
    findings = [_verify(bundle) for bundle in bundles]
    return findings or [Finding(Level.WARNING, str(directory), "no bundles")]


def _bundles(directory: Path) -> list[Path]:
    if not directory.is_dir():
        return []
    names = sorted(entry for entry in directory.iterdir() if entry.is_dir())
    return [name / str(version) for name in names for version in list_versions(name)]


def _entry(bundle: Path) -> Entry:
    name, version = bundle.parent.name, int(bundle.name)
    try:
        manifest = decode_manifest((bundle / MANIFEST_NAME).read_bytes())
    except (BundleError, OSError) as error:
        return Entry(name, version, "", 0, problem=str(error))
    return Entry(name, version, manifest.task, sum(file.bytes for file in manifest.files))


def _verify(bundle: Path) -> Finding:
    try:
        manifest = load_bundle(bundle)
    except (BundleError, OSError) as error:
        return Finding(Level.ERROR, str(bundle), str(error))
    text = f"{manifest.name}@{manifest.version}: {len(manifest.files)} files unchanged"
    return Finding(Level.OK, str(bundle), text)
