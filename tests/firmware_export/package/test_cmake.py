import subprocess
from pathlib import Path

import pytest

from firmware_export.export import export_model
from firmware_export.model_file import Model
from firmware_export.output import fill_directory
from firmware_export.package.cmake import cmake_files
from firmware_export.target import TARGETS
from tests.firmware_export.int_graphs import residual_graph


@pytest.mark.cmake
def test_a_project_that_adds_the_directory_builds_and_passes_its_self_test(tmp_path: Path) -> None:
    model = Model("m", residual_graph(), "0" * 64)
    made = export_model(model, TARGETS["host"], package=cmake_files, vectors=2, prefix="net")
    fill_directory(tmp_path / "net", made.files)
    (tmp_path / "main.c").write_text(
        '#include "net_selftest.h"\nint main(void) { return net_selftest() == -1 ? 0 : 1; }\n'
    )
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.13)\nproject(app C)\nadd_subdirectory(net)\n"
        "add_executable(app main.c)\ntarget_link_libraries(app net_selftest)\n"
    )

    for command in (["cmake", "-S", ".", "-B", "build"], ["cmake", "--build", "build"]):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    assert subprocess.run([tmp_path / "build" / "app"], check=False).returncode == 0
