"""The README tells the truth: its commands run as they stand, its table is the code's."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]


@pytest.mark.qemu
@pytest.mark.ort
@pytest.mark.tflite
def test_the_readme_s_commands_run_one_after_the_other_after_the_tour(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    tour = [sys.executable, "examples/demo.py"]
    run = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True}

    results = [subprocess.run(tour, **run, check=False, timeout=200)]  # type: ignore[call-overload]
    for command in COMMANDS:
        words = shlex.split(command)
        results.append(subprocess.run(words, **run, check=False, timeout=100))  # type: ignore[call-overload]

    assert len(COMMANDS) >= 6
    for result in results:
        assert result.returncode == 0, f"{result.args}\n{result.stdout}\n{result.stderr}"
    assert "80 predictions" in results[0].stdout


def test_the_table_of_operations_is_the_code_s() -> None:
    run = [sys.executable, str(ROOT / "scripts/operations_table.py")]
    made = subprocess.run(run, capture_output=True, text=True, check=True).stdout

    assert made in README, "run scripts/operations_table.py and put its output into README.md"


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#:]+)\)", README))
def test_the_readme_s_links_lead_somewhere(target: str) -> None:
    assert (ROOT / target).exists()


def test_every_make_target_that_the_documents_name_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    documents = README + (ROOT / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"^make ([a-z-]+)", documents, re.MULTILINE))

    assert named <= targets
