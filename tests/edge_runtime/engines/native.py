"""Builds a bundle's model as a shared object for this machine."""

import subprocess
from pathlib import Path

from firmware_export.export import export_model
from firmware_export.model_file import load_model
from firmware_export.output import fill_directory
from firmware_export.package.shared_object import shared_object_files
from firmware_export.target import TARGETS


def build_native(bundle: Path, folder: Path) -> Path:
    """Return the library, made with the Makefile of its package."""
    exported = export_model(
        load_model(bundle), TARGETS["host"], package=shared_object_files, vectors=2, prefix="net"
    )
    fill_directory(folder, exported.files)
    subprocess.run(["make", "--silent", "CFLAGS=-O1"], cwd=folder, check=True, capture_output=True)
    library = folder / "net.so"
    library.chmod(0o755)
    return library
