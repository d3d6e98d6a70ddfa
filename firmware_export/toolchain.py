"""Tools outside of Python: found by name, run with a deadline, their complaints in one line."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from firmware_export.errors import BuildError, FirmwareExportError, RunError, ToolMissingError

BUILD_DEADLINE_S = 300.0
_PACKAGES = {
    "arm-none-eabi-gcc": "Debian packages gcc-arm-none-eabi and libnewlib-arm-none-eabi",
    "arm-none-eabi-size": "Debian package binutils-arm-none-eabi",
    "arm-none-eabi-nm": "Debian package binutils-arm-none-eabi",
    "qemu-system-arm": "Debian package qemu-system-arm",
    "qemu-system-riscv32": "Debian package qemu-system-misc",
    "riscv64-unknown-elf-gcc": (
        "Debian packages gcc-riscv64-unknown-elf and picolibc-riscv64-unknown-elf"
    ),
    "gcc": "Debian packages gcc and libc6-dev",
    "size": "Debian package binutils",
}


def find_tool(name: str) -> str:
    """Return the path of a program.

    Raises:
        ToolMissingError: It is not installed; says what to install.
    """
    path = shutil.which(name)
    if path is None:
        raise ToolMissingError(f"{name}: not installed; install {_PACKAGES.get(name, name)}")
    return path


def is_installed(*names: str) -> bool:
    """Tell whether all of these programs can be found."""
    return all(shutil.which(name) for name in names)


def run_build(command: Sequence[str], directory: Path) -> str:
    """Return what a compiler, linker or their like print.

    Raises:
        ToolMissingError: The program is not installed.
        BuildError: It fails.
    """
    return _run(command, directory, BUILD_DEADLINE_S, BuildError)


def run_program(command: Sequence[str], directory: Path, deadline_s: float) -> str:
    """Return what a program prints, on both streams.

    Raises:
        ToolMissingError: The program is not installed.
        RunError: It fails or takes longer than `deadline_s`.
    """
    return _run(command, directory, deadline_s, RunError)


def _run(
    command: Sequence[str], directory: Path, deadline_s: float, error: type[FirmwareExportError]
) -> str:
    program = find_tool(command[0])
    try:
        done = subprocess.run(  # noqa: S603  # our own commands, no shell
            [program, *command[1:]],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=deadline_s,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        raise error(f"{command[0]}: not done after {deadline_s:g} s") from expired
    if done.returncode:
        raise error(f"{command[0]} (exit code {done.returncode}): {_complaint(done.stdout)}")
    return done.stdout


def _complaint(text: str) -> str:
    """Return the line of a tool's output that says most."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = ("overflowed", "error:", "undefined reference", "fault", "error")
    for word in telling:
        for line in lines:
            if word in line:
                return line
    return lines[-1] if lines else "no message"
