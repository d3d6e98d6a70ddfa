"""What a command ends with when nobody caught it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_runtime.command_edge import run_command

_COMMANDS = {"quantize": "edge-quantize", "firmware_export": "edge-firmware"}


def _start(module: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, "--help"],
        capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )  # fmt: skip


@pytest.mark.parametrize("module", list(_COMMANDS))
def test_ctrl_c_while_a_command_imports_is_one_line(module: str, tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text(
        "import os, signal, time\n"
        # Ignored from the start in what a shell runs in the background.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "time.sleep(60)\n"
    )

    ended = _start(module, tmp_path)

    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr == f"{_COMMANDS[module]}: interrupted\n"


@pytest.mark.parametrize("module", list(_COMMANDS))
def test_a_bug_in_a_command_exits_70_with_its_traceback(module: str, tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise LookupError('a bug')\n")

    ended = _start(module, tmp_path)

    assert ended.returncode == 70
    assert "Traceback" in ended.stderr
    assert "LookupError: a bug" in ended.stderr


def test_a_command_that_returns_ends_with_0() -> None:
    with pytest.raises(SystemExit) as ended:
        run_command("edge-x", lambda: lambda: "anything")

    assert ended.value.code == 0
