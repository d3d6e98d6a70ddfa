"""Finding bundles."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_runtime.errors import BundleError
from edge_runtime.manifest import load_bundle
from edge_runtime.models.inventory import inventory, inventory_text, verify
from edge_runtime.models.store import find_bundle, find_previous_bundle, list_versions

NOBODY = 65534


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for version in ("1", "2", "10", "03", "x", ".writing-1"):
        (tmp_path / "person" / version).mkdir(parents=True)
        (tmp_path / "person" / version / "manifest.json").write_bytes(b"{}")
    (tmp_path / "person" / "11").mkdir()  # being written: no manifest yet
    return tmp_path


def test_a_name_means_its_highest_whole_version(models: Path) -> None:
    assert list_versions(models / "person") == [1, 2, 10]
    assert find_bundle("person", models) == models / "person" / "10"


def test_a_version_is_asked_for_by_number(models: Path) -> None:
    assert find_bundle("person@2", models) == models / "person" / "2"


def test_a_path_means_a_bundle_or_its_highest_version(models: Path) -> None:
    assert find_bundle(f"{models}/person/1", Path("/nowhere")) == models / "person" / "1"
    assert find_bundle(f"{models}/person", Path("/nowhere")) == models / "person" / "10"


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("person@3", "no version 3, there are 1, 2, 10"),
        ("dog", "no bundle in"),
        ("Person", "allowed are NAME, NAME@VERSION"),
        ("person@0", "allowed are NAME"),
        ("person@1@2", "allowed are NAME"),
        ("..", "allowed are NAME"),
        ("/nowhere/at-all", "no manifest.json"),
    ],
)
def test_what_is_not_there_is_said(models: Path, model: str, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        find_bundle(model, models)


@pytest.mark.parametrize(("model", "previous"), [("person", "2"), ("person@2", "1")])
def test_the_previous_bundle_is_the_version_before(models: Path, model: str, previous: str) -> None:
    assert find_previous_bundle(model, models) == models / "person" / previous


@pytest.mark.parametrize("model", ["person@1", "{models}/person/2"])
def test_a_bundle_with_none_before_it_stays(models: Path, model: str) -> None:
    text = model.format(models=models)

    assert find_previous_bundle(text, models) == find_bundle(text, models)


@pytest.fixture
def nobody_s() -> Iterator[Path]:
    """A folder of nobody's, who may not read what its modes forbid: root may read everything."""
    with tempfile.TemporaryDirectory() as folder:
        was = os.geteuid()
        if was == 0:
            os.chown(folder, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        yield Path(folder)
        os.seteuid(was)


def test_what_may_not_be_read_is_said_and_not_taken_for_missing(nobody_s: Path) -> None:
    manifest = nobody_s / "person" / "10" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_bytes(b"{}")
    path = str(manifest.parent)

    manifest.chmod(0o200)
    with pytest.raises(BundleError, match=r"manifest\.json: Permission denied"):
        load_bundle(find_bundle("person", nobody_s))
    manifest.parent.chmod(0o600)
    with pytest.raises(BundleError, match=r"manifest\.json: Permission denied"):
        load_bundle(find_bundle(path, nobody_s))
    (nobody_s / "person").chmod(0o300)
    with pytest.raises(BundleError, match="person: Permission denied"):
        find_bundle("person", nobody_s)
    (nobody_s / "person").chmod(0o700)
    manifest.parent.chmod(0o700)


def test_a_name_that_may_not_be_read_hides_no_other(nobody_s: Path) -> None:
    for name in ("door", "person"):
        (nobody_s / name / "1").mkdir(parents=True)
        (nobody_s / name / "1" / "manifest.json").write_bytes(b"{}")
    (nobody_s / "door").chmod(0o300)

    entries = inventory(nobody_s)
    findings = verify(nobody_s, None)

    assert [(entry.name, entry.version) for entry in entries] == [("door", 0), ("person", 1)]
    assert f"door@?  {nobody_s}/door: Permission denied" in inventory_text(entries)
    assert [finding.where for finding in findings] == [
        f"{nobody_s}/door", f"{nobody_s}/person/1",
    ]  # fmt: skip
    (nobody_s / "door").chmod(0o700)
