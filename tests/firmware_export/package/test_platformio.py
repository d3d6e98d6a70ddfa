import json
import os
import tarfile
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.firmware_export.package.packages import WARNINGS, export_package, run


def test_the_manifest_names_what_is_there(tmp_path: Path) -> None:
    out = export_package("platformio", tmp_path / "net")
    manifest = json.loads((out / "library.json").read_text())

    assert manifest["name"] == "net"
    assert all((out / "src" / name).is_file() for name in manifest["headers"])
    assert (out / manifest["build"]["srcDir"] / "net.c").is_file()
    for example in manifest["examples"]:
        assert all((out / example["base"] / name).is_file() for name in example["files"])


def test_the_example_builds_the_library_beside_it(tmp_path: Path) -> None:
    out = export_package("platformio", tmp_path / "net")
    example = out / "examples" / "SelfTest"
    project = ConfigParser()
    project.read(example / "platformio.ini")

    link = project["env"]["lib_deps"].removeprefix("symlink://")
    assert (example / link / "library.json").is_file()
    assert {project[f"env:{name}"]["platform"] for name in ("native", "nano33ble")} == {
        "native",
        "nordicnrf52",
    }


@pytest.mark.gcc
def test_the_native_program_passes(tmp_path: Path) -> None:
    out = export_package("platformio", tmp_path / "net")
    sources = ["src/net.c", "src/net_selftest.c", "examples/SelfTest/src/native.c"]

    run(["gcc", "-std=gnu11", *WARNINGS, "-Isrc", "-o", "app", *sources], out)

    assert run([out / "app"], out) == "net: PASS, 2 vectors\n"


@pytest.mark.packager
def test_platformio_packs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = export_package("platformio", tmp_path / "net")
    monkeypatch.setenv("PLATFORMIO_CORE_DIR", str(tmp_path / "core"))
    monkeypatch.setenv("PLATFORMIO_SETTING_ENABLE_TELEMETRY", "no")

    manifest = json.loads((out / "library.json").read_text())
    del manifest["license"]  # platformio fetches the list of licences to check it
    (out / "library.json").write_text(json.dumps(manifest))

    run(["pio", "pkg", "pack", "-o", str(tmp_path / "net.tar.gz"), str(out)], tmp_path)

    with tarfile.open(tmp_path / "net.tar.gz") as archive:
        names = {os.path.normpath(name) for name in archive.getnames()}
    assert {"library.json", "src/net.c", "src/kernels/edge_kernels.h"} <= names
