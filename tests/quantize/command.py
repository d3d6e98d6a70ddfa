"""The command `edge-quantize`, run in this process."""

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from quantize.cli import main


@dataclass(frozen=True)
class Result:
    exit_code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        return self.stdout + self.stderr


def call(*arguments: object) -> Result:
    """Run a command in this process; click's own runner mixes the streams in old versions."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments], prog_name="edge-quantize")
    return Result(int(stopped.value.code or 0), out.getvalue(), err.getvalue())


def run(model: Path, data: Path, out: Path, *more: object) -> Result:
    return call("run", model, "--calibrate", data, "--out", out, *more)


def refusal(result: Result) -> str:
    """Return the one line of an error of ours."""
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line
