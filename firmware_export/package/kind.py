"""The kind of a package: how one build system wants an exported model laid out."""

from collections.abc import Callable
from dataclasses import dataclass

from firmware_export.program import Program
from firmware_export.provenance import Provenance

PackageFiles = Callable[[Program, Provenance], dict[str, str]]


@dataclass(frozen=True, slots=True)
class PackageKind:
    """One build system.

    Attributes:
        files: Its own files, by path below the export.
        folder: Where it looks for C files; "" is the top.
    """

    files: PackageFiles
    folder: str = ""
