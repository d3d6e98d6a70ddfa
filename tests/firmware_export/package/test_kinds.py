from pathlib import Path

import pytest

from firmware_export.output import write_directory
from firmware_export.package.kinds import PACKAGES
from firmware_export.record import FILE_NAME, read_owned_files
from firmware_export.verify import verify_export
from tests.firmware_export.package.packages import export_package

SHA256 = "0" * 64


@pytest.fixture(scope="module", params=PACKAGES)
def package(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_package(request.param, tmp_path_factory.mktemp(request.param) / "net")


def test_every_package_verifies_and_is_owned_to_the_last_file(package: Path) -> None:
    there = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}

    assert there == read_owned_files(package)
    assert verify_export(package).differing_bytes == 0


def test_every_file_of_a_package_says_its_origin_and_no_path(package: Path) -> None:
    for path in package.rglob("*"):
        if path.is_file() and "kernels" not in path.parts:
            text = path.read_text()
            assert SHA256 in text, path
            assert str(package.parent) not in text, path


def test_the_readme_names_every_file_where_it_is(package: Path) -> None:
    rows = [row for row in (package / "README.md").read_text().splitlines() if row[:3] == "| `"]
    named = {word for row in rows for word in row.split("|")[1].split("`")[1::2]}
    there = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    kernels = next(word for word in named if word.endswith("kernels/"))

    own = {name for name in there if not name.startswith(kernels)}
    assert named - {kernels} == own - {"README.md", FILE_NAME}


def test_another_kind_of_package_replaces_the_first(tmp_path: Path) -> None:
    out = export_package("arduino", tmp_path / "net")
    files = export_package("zephyr", tmp_path / "other")
    contents = {
        path.relative_to(files).as_posix(): path.read_bytes()
        for path in files.rglob("*")
        if path.is_file()
    }

    write_directory(out, contents)

    assert not (out / "library.properties").exists()
    assert (out / "zephyr" / "module.yml").is_file()
