"""Finds bundles: NAME/VERSION/ below the models directory, or any path."""

import re
from pathlib import Path

from edge_runtime.errors import BundleError
from edge_runtime.manifest import BUNDLE_NAME, MANIFEST_NAME
from edge_runtime.models.signature import ModelKey

_REFERENCE = re.compile(rf"(?P<name>{BUNDLE_NAME.pattern})(?:@(?P<version>[1-9][0-9]{{0,8}}))?")


def find_bundle(model: str, models_directory: Path, key: ModelKey | None = None) -> Path:
    """Return the directory of the bundle that a configuration's `model` means.

    Args:
        model: NAME (its highest version), NAME@VERSION, or a path (it holds a "/").
        models_directory: Where NAME/VERSION/ are.
        key: Versions that it did not sign do not count where the highest is meant; one that is
            named is returned, and refused where it is loaded.

    Raises:
        BundleError: There is none, or the text is neither.
    """
    if "/" in model:
        return _bundle_at(Path(model), key)
    reference = _REFERENCE.fullmatch(model)
    if reference is None:
        raise BundleError(f"model {model!r}: allowed are NAME, NAME@VERSION and a path with a '/'")
    name = reference["name"]
    versions = list_versions(models_directory / name)
    if not versions:
        raise BundleError(f"model {model!r}: no bundle in {models_directory / name}")
    if reference["version"] is None:
        return models_directory / name / str(_signed(models_directory / name, versions, key)[-1])
    version = int(reference["version"])
    if version not in versions:
        known = ", ".join(str(number) for number in versions)
        raise BundleError(f"model {model!r}: no version {version}, there are {known}")
    return models_directory / name / str(version)


def find_previous_bundle(model: str, models_directory: Path, key: ModelKey | None = None) -> Path:
    """Return the bundle before the one that `find_bundle` returns, or that one where it is alone.

    Raises:
        BundleError: As `find_bundle`.
    """
    bundle = find_bundle(model, models_directory, key)
    if "/" in model:
        return bundle
    older = [number for number in list_versions(bundle.parent) if number < int(bundle.name)]
    older = [number for number in older if key is None or key.signed(bundle.parent / str(number))]
    return bundle.parent / str(older[-1]) if older else bundle


def passed_over(model: str, models_directory: Path, key: ModelKey) -> list[int]:
    """Return the versions above the one that `find_bundle` returns, which the key did not sign.

    Raises:
        BundleError: As `find_bundle`.
    """
    if "/" in model or "@" in model:
        return []
    bundle = find_bundle(model, models_directory, key)
    return [number for number in list_versions(bundle.parent) if number > int(bundle.name)]


def _signed(directory: Path, versions: list[int], key: ModelKey | None) -> list[int]:
    found = [n for n in versions if key is None or key.signed(directory / str(n))]
    if not found:
        known = ", ".join(str(number) for number in versions)
        raise BundleError(f"{directory}: of the versions {known} none is signed by the models' key")
    return found


def list_versions(directory: Path) -> list[int]:
    """Return the versions in NAME/, lowest first; directories without a manifest do not count.

    Raises:
        BundleError: The directory is there and cannot be read.
    """
    try:
        entries = list(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise BundleError(f"{directory}: {error.strerror or error}") from error
    numbers = (entry.name for entry in entries if _is_bundle(entry))
    return sorted(int(name) for name in numbers if re.fullmatch(r"[1-9][0-9]{0,8}", name))


def _is_bundle(directory: Path) -> bool:
    """Return whether a manifest is there, read or not: who opens it says why it cannot be read."""
    try:
        return (directory / MANIFEST_NAME).is_file()
    except PermissionError:
        return True


def _bundle_at(path: Path, key: ModelKey | None) -> Path:
    if _is_bundle(path):
        return path
    versions = list_versions(path)
    if not versions:
        raise BundleError(f"{path}: no {MANIFEST_NAME} and no version below it")
    return path / str(_signed(path, versions, key)[-1])
