"""What the package's builder computes: quick, without pip or dpkg."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import ROOT


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> None:
    """The builder's modules are found beside it, as when it is run."""
    monkeypatch.syspath_prepend(str(ROOT / "deploy" / "debian"))


@pytest.fixture
def builder(place: None) -> ModuleType:
    return importlib.import_module("build_package")


@pytest.fixture
def vendored(place: None) -> ModuleType:
    return importlib.import_module("vendored")


def test_a_later_build_of_a_version_is_named_as_such(builder: ModuleType) -> None:
    assert builder.package_version("1.2", 0, "bookworm") == "1.2~bookworm"
    assert builder.package_version("1.2", 3, "bookworm") == "1.2+b3~bookworm"


def test_the_changelog_has_debians_form(builder: ModuleType) -> None:
    package = builder.Package("1.2~bookworm", "arm64", builder.RELEASES["bookworm"], 0)

    lines = builder.debian_changelog(package).splitlines()

    assert lines[0] == "edge-runtime (1.2~bookworm) bookworm; urgency=medium"
    assert lines[-1].startswith(" -- edge-runtime authors <")
    assert lines[-1].endswith(">  Thu, 01 Jan 1970 00:00:00 -0000")


def test_pip_is_told_the_releases_python_and_every_older_c_library(
    builder: ModuleType, vendored: ModuleType
) -> None:
    options = vendored.target_options(builder.RELEASES["bookworm"], "aarch64")

    assert "--python-version=3.11" in options
    assert "--abi=cp311" in options
    assert "--platform=manylinux_2_36_aarch64" in options
    assert "--platform=manylinux_2_17_aarch64" in options
    assert "--platform=manylinux_2_37_aarch64" not in options


def test_what_is_never_loaded_goes_and_modules_are_no_programs(
    vendored: ModuleType, tmp_path: Path
) -> None:
    for name in ("bin/f2py", "numpy/lib/tests/test_a.py", "numpy/a.pyi", "numpy/lib/a.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("#!/usr/bin/env python\nx = 1\n")
        (tmp_path / name).chmod(0o755)

    vendored.trim(tmp_path)

    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [tmp_path / "numpy/lib/a.py"]
    text = (tmp_path / "numpy/lib/a.py").read_text()
    assert text == "# /usr/bin/env python\nx = 1\n"
    assert (tmp_path / "numpy/lib/a.py").stat().st_mode & 0o777 == 0o644
