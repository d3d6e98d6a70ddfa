"""The exported C under other compilers, standards and static analysis."""

import subprocess
from pathlib import Path

import pytest

from firmware_export.export import export_model
from firmware_export.model_file import Model
from firmware_export.output import fill_directory
from firmware_export.package.cmake import cmake_files
from firmware_export.target import TARGETS
from tests.firmware_export.int_graphs import residual_graph

STRICT = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror"]
INCLUDES = ["net.h", "net_selftest.h", "kernels/edge_kernels.h", "kernels/edge_io_f32.h"]


@pytest.fixture(params=["host", "cortex-m4"])
def exported(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An export with tables for the generic kernels, and one with tables for the dsp kernels."""
    target, model = TARGETS[request.param], Model("net", residual_graph(), "0" * 64)
    made = export_model(model, target, package=cmake_files, vectors=2, prefix="net")
    fill_directory(tmp_path, made.files)
    (tmp_path / "main.c").write_text(
        '#include "net_selftest.h"\nint main(void) { return net_selftest() == -1 ? 0 : 1; }\n'
    )
    includes = "\n".join(f'#include "{name}"' for name in INCLUDES)
    (tmp_path / "main.cpp").write_text(
        f"{includes}\nint main() {{ return net_selftest() == -1 ? 0 : 1; }}\n"
    )
    return tmp_path


def run(folder: Path, *commands: list[str]) -> None:
    for command in commands:
        done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stdout + done.stderr)


@pytest.mark.clang
@pytest.mark.parametrize("standard", ["c99", "c11"])
def test_clang_compiles_it_without_a_warning(exported: Path, standard: str) -> None:
    clang = ["clang", f"-std={standard}", "-O2", *STRICT]

    run(exported, [*clang, "-o", "app", "main.c", "net.c", "net_selftest.c"], ["./app"])


@pytest.mark.clang
@pytest.mark.parametrize("standard", ["c++11", "c++17"])
def test_clang_takes_the_headers_as_cpp(exported: Path, standard: str) -> None:
    clang = ["clang++", f"-std={standard}", *STRICT]

    run(
        exported,
        ["clang", "-std=c99", "-c", "net.c", "net_selftest.c"],
        [*clang, "-o", "app", "main.cpp", "net.o", "net_selftest.o"],
        ["./app"],
    )


@pytest.mark.clang
def test_clangs_analyzer_finds_nothing(exported: Path) -> None:
    analyze = ["clang", "--analyze", "-Xanalyzer", "-analyzer-werror", "-std=c99"]

    run(exported, [*analyze, "net.c"], [*analyze, "net_selftest.c"])


@pytest.mark.gcc
def test_gccs_analyzer_finds_nothing(exported: Path) -> None:
    analyze = ["gcc", "-std=c99", "-O2", "-fanalyzer", *STRICT, "-c"]

    run(exported, [*analyze, "net.c"], [*analyze, "net_selftest.c"])
