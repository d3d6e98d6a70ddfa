"""The bundles below a models directory: what they are, and whether they are unchanged."""

from pathlib import Path

import msgspec

from edge_runtime.diagnosis.findings import Finding, Level
from edge_runtime.errors import BundleError
from edge_runtime.manifest import MANIFEST_NAME, decode_manifest, load_bundle
from edge_runtime.models.signature import ModelKey
from edge_runtime.models.store import find_bundle, list_versions


class Entry(msgspec.Struct, frozen=True):
    """One version of one bundle.

    Attributes:
        version: 0: the directory of the versions cannot be read.
        problem: Why the manifest, or that directory, cannot be read.
    """

    name: str
    version: int
    task: str
    bytes: int
    problem: str | None = None


def inventory(directory: Path) -> list[Entry]:
    """Return every bundle, by name and version."""
    return [entry for name in _names(directory) for entry in _entries(name)]


def inventory_json(entries: list[Entry]) -> str:
    """Return `{"models": [...]}`."""
    return msgspec.json.encode({"models": entries}).decode()


def inventory_text(entries: list[Entry]) -> str:
    """Return one line a bundle."""
    lines = [
        f"{entry.name}@{entry.version}  {entry.task}  {entry.bytes / 1024:.1f} KiB"
        if entry.problem is None
        else f"{entry.name}@{entry.version or '?'}  {entry.problem}"
        for entry in entries
    ]
    return "\n".join(lines) if lines else "no bundles"


def verify(directory: Path, model: str | None, key: ModelKey | None = None) -> list[Finding]:
    """Return whether the files of one bundle, or of every one, are what their manifest says.

    With a key, also whether it signed them.

    Raises:
        BundleError: The named bundle is not there.
    """
    if model is not None:
        return [_verify(find_bundle(model, directory, key), key)]
    findings = [finding for name in _names(directory) for finding in _verify_all(name, key)]
    return findings or [Finding(Level.WARNING, str(directory), "no bundles")]


def _names(directory: Path) -> list[Path]:
    if not directory.is_dir():
        return []
    return sorted(entry for entry in directory.iterdir() if entry.is_dir())


def _entries(name: Path) -> list[Entry]:
    try:
        return [_entry(name / str(version)) for version in list_versions(name)]
    except BundleError as error:
        return [Entry(name.name, 0, "", 0, problem=str(error))]


def _verify_all(name: Path, key: ModelKey | None) -> list[Finding]:
    try:
        return [_verify(name / str(version), key) for version in list_versions(name)]
    except BundleError as error:
        return [Finding(Level.ERROR, str(name), str(error))]


def _entry(bundle: Path) -> Entry:
    name, version = bundle.parent.name, int(bundle.name)
    try:
        manifest = decode_manifest((bundle / MANIFEST_NAME).read_bytes())
    except (BundleError, OSError) as error:
        return Entry(name, version, "", 0, problem=str(error))
    return Entry(name, version, manifest.task, sum(file.bytes for file in manifest.files))


def _verify(bundle: Path, key: ModelKey | None) -> Finding:
    try:
        manifest = load_bundle(bundle, key)
    except (BundleError, OSError) as error:
        return Finding(Level.ERROR, str(bundle), str(error))
    text = f"{manifest.name}@{manifest.version}: {len(manifest.files)} files unchanged"
    text += "" if key is None else ", signed"
    return Finding(Level.OK, str(bundle), text)
