"""What is looked at before mmdebstrap runs; make boot-test runs it."""

import sys
from pathlib import Path

import pytest

from edge_runtime.errors import ImageError
from edge_runtime.image import base
from edge_runtime.image.base import check_powers, is_made, kernel_version, recipe_of
from edge_runtime.image.checks import read_package
from tests.edge_runtime.image.cards import package

pytestmark = pytest.mark.card


def recipe(directory: Path, version: str = "1~bookworm") -> base.Recipe:
    chosen = read_package(package(directory, version=version))
    return recipe_of(chosen, "http://mirror", "http://security", has_firmware=True)


def test_a_place_that_is_empty_is_made_anew(tmp_path: Path) -> None:
    assert not is_made(tmp_path / "base", recipe(tmp_path))


def test_a_base_is_used_again_for_the_same_recipe_only(tmp_path: Path) -> None:
    place = tmp_path / "base"
    place.mkdir()
    base.write_recipe(place, recipe(tmp_path))
    again = read_package(tmp_path / "arm64-1~bookworm.deb")

    assert is_made(place, recipe_of(again, "http://mirror", "http://security", has_firmware=True))
    with pytest.raises(ImageError, match="made from another package or mirror"):
        is_made(place, recipe(tmp_path, "2~bookworm"))


@pytest.mark.parametrize("text", ["", "{}", "[1]"])
def test_another_directory_is_not_taken_for_a_base(tmp_path: Path, text: str) -> None:
    place = tmp_path / "home"
    place.mkdir()
    (place / "recipe.json").write_text(text)

    with pytest.raises(ImageError, match="home: not a base"):
        is_made(place, recipe(tmp_path))


def test_only_root_makes_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    with pytest.raises(ImageError, match="is made by root"):
        check_powers()


def test_without_emulation_the_remedy_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(base, "find_program", lambda name: name)
    monkeypatch.setattr(base, "BINFMT", tmp_path / "none")

    with pytest.raises(ImageError, match="update-binfmts --enable qemu-aarch64"):
        check_powers()

    monkeypatch.setattr(base, "BINFMT", tmp_path)
    check_powers()


def test_a_tree_has_one_kernel(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="expected one kernel, found none"):
        kernel_version(tmp_path)


def test_a_package_is_unpacked_and_a_link_stays_a_link(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "usr/lib").mkdir(parents=True)
    (tree / "lib").symlink_to("usr/lib")
    made = package(tmp_path)
    content = tmp_path / "arm64-0.1.0~bookworm/lib/modules/1"
    content.mkdir(parents=True)
    (content / "ext4.ko").write_bytes(b"module")
    base.run("dpkg-deb", "--root-owner-group", "--build", content.parents[2], made)

    base.unpack(made, tree)

    assert (tree / "usr/lib/modules/1/ext4.ko").read_bytes() == b"module"
    assert (tree / "lib").is_symlink()
    (tmp_path / "x.deb").write_bytes(b"no package")
    with pytest.raises(ImageError, match="cannot be unpacked"):
        base.unpack(tmp_path / "x.deb", tree)


def test_libraries_are_compiled_for_their_place_on_the_device(tmp_path: Path) -> None:
    if sys.version_info[:2] != base.PYTHON:
        pytest.skip("another Python compiles inside the tree, which boot-test does")
    module = tmp_path / base.LIBRARIES / "door.py"
    module.parent.mkdir(parents=True)
    module.write_text("OPEN = True\n")

    base.compile_libraries(tmp_path)

    (compiled,) = (module.parent / "__pycache__").glob("door.*.pyc")
    assert b"/opt/edge-runtime/lib/door.py" in compiled.read_bytes()
    assert str(tmp_path).encode() not in compiled.read_bytes()
