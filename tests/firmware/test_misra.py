"""MISRA C:2012 as cppcheck's addon sees it: what is found is what docs/misra.md justifies."""

import re
import subprocess

import pytest

from firmware_export.export import export_model
from firmware_export.model_file import Model
from firmware_export.output import fill_directory
from firmware_export.package.cmake import cmake_files
from firmware_export.target import TARGETS
from tests.conftest import ROOT
from tests.firmware_export.int_graphs import residual_graph

pytestmark = [pytest.mark.cppcheck, pytest.mark.timeout(900)]  # every configuration: minutes

TABLE_ROW = re.compile(
    r"^\| (\d+\.\d+) \| (required|advisory) \| .{10,} \| .{20,} \|$", re.MULTILINE
)


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every rule that is found, with one place."""
    folder = tmp_path_factory.mktemp("misra")
    model = Model("net", residual_graph(), "0" * 64)
    target = TARGETS["cortex-m4"]  # the kernels of every tier are there, whatever the target
    made = export_model(model, target, package=cmake_files, vectors=1, prefix="net")
    fill_directory(folder, made.files)
    (folder / "float.c").write_text('#include "kernels/edge_io_f32.h"\n')
    command = [
        "cppcheck",
        "--addon=misra",
        "--max-configs=64",
        "--std=c99",
        "--quiet",
        "--template={id} {file}:{line}",
    ]
    done = subprocess.run(
        [*command, "net.c", "net_selftest.c", "float.c"],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        timeout=800,
    )
    return dict(line.split(" ", 1) for line in done.stderr.splitlines() if " " in line)


def justified() -> set[str]:
    text = (ROOT / "docs" / "misra.md").read_text()
    return {f"misra-c2012-{rule}" for rule, _ in TABLE_ROW.findall(text)}


def test_every_deviation_is_justified(findings: dict[str, str]) -> None:
    assert {rule: findings[rule] for rule in findings.keys() - justified()} == {}


def test_no_justification_is_left_over(findings: dict[str, str]) -> None:
    assert justified() - findings.keys() == set()
