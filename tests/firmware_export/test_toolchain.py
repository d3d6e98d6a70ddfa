import sys
from pathlib import Path

import pytest

from firmware_export.errors import BuildError, RunError, ToolMissingError
from firmware_export.toolchain import find_tool, is_installed, run_build, run_program


def test_a_missing_tool_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(ToolMissingError, match="qemu-system-arm: not installed; install Debian"):
        find_tool("qemu-system-arm")
    assert not is_installed("gcc")


def test_output_of_both_streams_is_returned(tmp_path: Path) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr)"

    assert sorted(run_build([sys.executable, "-c", code], tmp_path).split()) == ["err", "out"]


def test_a_compilers_complaint_is_one_line(tmp_path: Path) -> None:
    code = "print('In function main:'); print('m.c:3: error: no such thing'); raise SystemExit(1)"

    with pytest.raises(BuildError, match=r"\(exit code 1\): m.c:3: error: no such thing$"):
        run_build([sys.executable, "-c", code], tmp_path)


def test_a_silent_failure_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"exit code 3\): no message"):
        run_program([sys.executable, "-c", "raise SystemExit(3)"], tmp_path, 60)


def test_a_program_that_hangs_is_ended(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"not done after 0\.2 s"):
        run_program([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path, 0.2)
