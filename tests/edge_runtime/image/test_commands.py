from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edge_runtime.cli import cli
from edge_runtime.image.boot_partition import FatPartition, fat_partition
from tests.edge_runtime.image.cards import TRIXIE, config, package, stock_image

pytestmark = pytest.mark.card


def image(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, ["image", *map(str, words)])


def test_kit_writes_names_keys_and_network(tmp_path: Path) -> None:
    path = config(tmp_path)
    target = stock_image(tmp_path / "os.img", TRIXIE)
    (tmp_path / "key.pub").write_text("# mine\nssh-ed25519 AAAA me\n")
    (tmp_path / "wifi").write_text('pass "word"\n')

    result = image(
        "kit", path, "--os", "raspios-trixie", "--out", target, "--ssh-key", tmp_path / "key.pub",
        "--package", package(tmp_path, version="1~trixie"), "--hostname", "front-door",
        "--bundle", tmp_path / "bundles/brightness", "--wifi", "home",
        "--wifi-password-file", tmp_path / "wifi", "--wifi-country", "DE",
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    user_data = FatPartition(target, fat_partition(target)).read("user-data")
    assert b'"front-door"' in user_data
    assert b"ssh-ed25519 AAAA me" in user_data
    assert b"mine" not in user_data


def test_kit_wants_name_and_password_together(tmp_path: Path) -> None:
    result = image("kit", "x.toml", "--os", "ubuntu", "--package", "x.deb", "--out", "x.img",
                   "--wifi", "home")  # fmt: skip

    assert result.exit_code == 2
    assert "belong together" in result.output


@pytest.mark.parametrize("size", ["4", "4T", "xG", "G"])
def test_build_wants_a_size_in_m_or_g(tmp_path: Path, size: str) -> None:
    result = image(
        "build", config(tmp_path), "--package", package(tmp_path), "--out", tmp_path / "sd.img",
        "--bundle", tmp_path / "bundles/brightness", "--size", size,
    )  # fmt: skip

    assert "allowed are whole numbers of M or G" in str(result.exception)


def test_build_refuses_a_package_of_another_architecture_before_anything(tmp_path: Path) -> None:
    result = image(
        "build", config(tmp_path), "--package", package(tmp_path, architecture="amd64"),
        "--out", tmp_path / "sd.img", "--base", tmp_path / "base",
    )  # fmt: skip

    assert "architecture amd64, the device's is arm64" in str(result.exception)
    assert not (tmp_path / "base").exists()


def test_jetson_kit_writes_a_directory(tmp_path: Path) -> None:
    result = image(
        "jetson-kit", config(tmp_path), "--jetpack", "7", "--out", tmp_path / "kit",
        "--package", package(tmp_path, version="1~noble"),
        "--bundle", tmp_path / "bundles/brightness",
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    assert (tmp_path / "kit/install.sh").is_file()
