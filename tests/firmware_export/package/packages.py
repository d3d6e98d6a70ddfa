"""A small model in every kind of package, on disk."""

import subprocess
from pathlib import Path

from firmware_export.export import export_model
from firmware_export.model_file import Model
from firmware_export.output import fill_directory
from firmware_export.package.kinds import PACKAGES
from firmware_export.target import TARGETS
from quantize.ir.graph import IntGraph
from tests.firmware_export.int_graphs import residual_graph

WARNINGS = ("-Wall", "-Wextra", "-Werror")


def export_package(name: str, out: Path, graph: IntGraph | None = None) -> Path:
    """Write the package of a model with the prefix `net` and return its folder."""
    kind = PACKAGES[name]
    made = export_model(
        Model("m", graph or residual_graph(), "0" * 64),
        TARGETS["host"],
        package=kind.files,
        vectors=2,
        prefix="net",
        folder=kind.folder,
    )
    fill_directory(out, made.files)
    return out


def run(command: list[str | Path], folder: Path) -> str:
    """Return what a command prints; it must not fail."""
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_kconfig(folder: Path) -> str:
    """Return what kconfiglib says of `folder`'s Kconfig and .config, which it completes."""
    done = subprocess.run(["olddefconfig"], cwd=folder, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
