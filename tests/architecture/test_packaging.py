"""What is in the wheel, and what the three packages call themselves."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("edge_runtime", "quantize", "firmware_export")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, cwd=out)
    return zipfile.ZipFile(next(out.glob("*.whl")))


@pytest.mark.slow
def test_the_wheel_holds_types_and_c_kernels(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())

    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    kernels = {str(p.relative_to(ROOT)) for p in ROOT.glob("firmware_export/c/**/*.h")}
    assert kernels
    assert kernels <= names
    assert "quantize/report/page.html.j2" in names
    assert not [name for name in names if name.startswith(("tests/", "examples/"))]


@pytest.mark.slow
def test_the_wheel_s_base_dependencies_are_the_device_s_four(wheel: zipfile.ZipFile) -> None:
    metadata = next(name for name in wheel.namelist() if name.endswith("METADATA"))
    lines = wheel.read(metadata).decode().splitlines()
    base = re.findall(r"^Requires-Dist: ([a-z-]+)[^;\n]*$", "\n".join(lines), re.MULTILINE)

    assert sorted(base) == ["click", "msgspec", "numpy", "paho-mqtt"]


def test_every_extra_that_the_documents_name_exists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    named = {"tflite", "tflite-legacy", "camera", "http", "metrics", "quantize", "firmware", "dev"}
    assert named <= set(project["optional-dependencies"])
    assert set(project["scripts"]) == {"edge-quantize", "edge-firmware", "edge-runtime"}
