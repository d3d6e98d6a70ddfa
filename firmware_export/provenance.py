"""Provenance: by what and from which model a file was made; no time and no path."""

from dataclasses import dataclass

from edge_runtime._version import __version__
from firmware_export.c_text import comment


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where exported files come from.

    Attributes:
        model: The model's own name, for people.
        sha256: Of the model file, in hex.
    """

    model: str
    sha256: str

    @property
    def version(self) -> str:
        """The version of the exporter."""
        return __version__

    def line(self) -> str:
        """Return one line of plain text."""
        return f"Made by edge-firmware {self.version} from {self.model}, SHA-256 {self.sha256}"

    def c_lines(self) -> str:
        """Return the first lines of a generated C file."""
        return f"{comment(self.line())}\n{comment('Generated: change the model, not this file.')}\n"
