from pathlib import Path

import pytest

from firmware_export.errors import (
    BuildError,
    ExportDirectoryError,
    FirmwareExportError,
    RunError,
    ToolMissingError,
)
from firmware_export.export import export_model, export_weights
from firmware_export.model_file import Model
from firmware_export.output import write_directory
from firmware_export.package.cmake import cmake_files
from firmware_export.target import TARGETS
from firmware_export.verify import verify_export
from tests.firmware_export.int_graphs import residual_graph

MODEL = Model("m", residual_graph(), "0" * 64)


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    made = export_model(MODEL, TARGETS["host"], package=cmake_files, vectors=3, prefix="net")
    write_directory(tmp_path / "net", made.files)
    return tmp_path / "net"


def replace_in(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_run_on_the_host_equals_the_golden_vectors(exported: Path) -> None:
    record = verify_export(exported)

    assert record.target == "host"
    assert record.vectors == 3
    assert record.differing_bytes == 0
    assert record.first_difference is None
    assert record.instructions is None


def test_a_changed_vector_is_found_and_counted(exported: Path) -> None:
    source = (exported / "net_selftest.c").read_text()
    head, values = source.split("golden_output[12] = {\n    ")
    first, rest = values.split(",", 1)
    second, rest = rest.split(",", 1)
    changed = f"{first}, {int(second) ^ 1},{rest}"
    (exported / "net_selftest.c").write_text(f"{head}golden_output[12] = {{\n    {changed}")

    record = verify_export(exported)

    assert record.differing_bytes == 1
    assert record.first_difference == 1


def test_a_missing_file_is_named(exported: Path) -> None:
    (exported / "kernels" / "edge_conv_s8.h").unlink()

    with pytest.raises(ExportDirectoryError, match=r"kernels/edge_conv_s8\.h is missing"):
        verify_export(exported)


def test_weights_alone_cannot_be_run(tmp_path: Path) -> None:
    write_directory(tmp_path / "w", export_weights(MODEL, TARGETS["host"]).files)

    with pytest.raises(ExportDirectoryError, match="no code was exported"):
        verify_export(tmp_path / "w")


def test_an_unknown_target_is_refused(exported: Path) -> None:
    with pytest.raises(FirmwareExportError, match="'z80': unknown"):
        verify_export(exported, "z80")


def test_a_compilers_complaint_is_passed_on(exported: Path) -> None:
    replace_in(exported / "net.c", "void net_run(void)", "void net_run(void")

    with pytest.raises(BuildError, match="error: expected"):
        verify_export(exported)


def test_files_of_two_exports_do_not_compile_together(exported: Path) -> None:
    replace_in(exported / "net.h", "#define NET_ARENA_BYTES 1184", "#define NET_ARENA_BYTES 8")

    with pytest.raises(BuildError, match="net_arena_is_as_planned"):
        verify_export(exported)


def test_a_program_that_fails_is_an_error(exported: Path) -> None:
    replace_in(exported / "net_selftest.c", "return 3u;", "__builtin_trap(); return 3u;")

    with pytest.raises(RunError):
        verify_export(exported)


def test_a_missing_emulator_is_named(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(ToolMissingError, match="qemu-system-arm: not installed; install"):
        verify_export(exported, "cortex-m4")
    with pytest.raises(ToolMissingError, match="gcc: not installed; install"):
        verify_export(exported, "host")


def test_a_program_that_says_nothing_is_an_error(exported: Path) -> None:
    replace_in(exported / "net_selftest.c", "return 3u;", "__builtin_exit(0); return 3u;")

    with pytest.raises(RunError, match="the program printed '', expected its results"):
        verify_export(exported)
