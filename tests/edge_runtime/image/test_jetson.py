import subprocess
import tarfile
from pathlib import Path

import pytest

from edge_runtime.errors import ImageError
from edge_runtime.image.jetson import LABEL, write_jetson_kit
from tests.edge_runtime.image.cards import config, package

pytestmark = pytest.mark.card
UNIT = "etc/systemd/system/edge-runtime-porch.service"


def unit_in(kit: Path) -> str:
    with tarfile.open(kit / "device.tar") as archive:
        member = archive.extractfile(UNIT)
        assert member is not None
        return member.read().decode()


def test_jetpack_7_gets_the_package_and_its_unit(tmp_path: Path) -> None:
    made = package(tmp_path, version="0.1.0~noble")
    path = config(tmp_path)

    write_jetson_kit(path, [tmp_path / "bundles/brightness"], made, 7, tmp_path / "kit")

    assert (tmp_path / "kit/edge-runtime.deb").read_bytes() == made.read_bytes()
    assert "ExecStart=/opt/edge-runtime/bin/edge-runtime run" in unit_in(tmp_path / "kit")
    assert "dpkg --install edge-runtime.deb" in (tmp_path / "kit/install.sh").read_text()
    assert (tmp_path / "kit/README").read_text().startswith(LABEL)


def test_jetpack_6_gets_the_container_and_a_unit_that_starts_it(tmp_path: Path) -> None:
    (tmp_path / "c.tar").write_bytes(b"container")
    path = config(tmp_path)

    write_jetson_kit(
        path, [tmp_path / "bundles/brightness"], tmp_path / "c.tar", 6, tmp_path / "kit"
    )

    assert "--runtime nvidia" in unit_in(tmp_path / "kit")
    assert "docker load" in (tmp_path / "kit/install.sh").read_text()


@pytest.mark.parametrize("jetpack", [6, 7])
def test_the_script_is_sh_and_stops_on_what_is_no_jetson(tmp_path: Path, jetpack: int) -> None:
    made = package(tmp_path, version="0.1.0~noble")
    path = config(tmp_path)
    write_jetson_kit(path, [tmp_path / "bundles/brightness"], made, jetpack, tmp_path / "kit")

    subprocess.run(["sh", "-n", tmp_path / "kit/install.sh"], check=True)
    ended = subprocess.run(
        ["sh", tmp_path / "kit/install.sh"], capture_output=True, text=True, check=False
    )

    assert ended.returncode != 0
    assert f"this kit is for JetPack {jetpack}" in ended.stderr


def test_a_missing_payload_another_package_and_an_existing_place_are_refused(
    tmp_path: Path,
) -> None:
    path = config(tmp_path)
    with pytest.raises(ImageError, match="JetPack 6 needs --container FILE"):
        write_jetson_kit(path, [], None, 6, tmp_path / "kit")
    with pytest.raises(ImageError, match="built for bookworm, the device's is noble"):
        write_jetson_kit(path, [], package(tmp_path), 7, tmp_path / "kit")
    made = package(tmp_path, version="0.1.0~noble")
    with pytest.raises(ImageError, match="is there already"):
        write_jetson_kit(path, [], made, 7, tmp_path)
