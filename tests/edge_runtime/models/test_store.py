"""Finding bundles."""

from pathlib import Path

import pytest

from edge_runtime.errors import BundleError
from edge_runtime.models.store import find_bundle, list_versions


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
