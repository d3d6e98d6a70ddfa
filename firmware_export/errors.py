"""Errors of the exporter, by cause.

FirmwareExportError
 ├─ ModelFileError (ValueError)          a model file or bundle that cannot be read
 ├─ UnsupportedForCError (ValueError)    a graph that is sound, but has things that the C cannot say
 ├─ BudgetSyntaxError (ValueError)       a budget that nobody can read
 ├─ BudgetExceededError                  a model that takes more than its budget
 ├─ NamingError (ValueError)             a prefix that is no C identifier
 ├─ OutputError                          the output directory is there and is not ours
 ├─ ExportDirectoryError (ValueError)    a directory that `export` did not write
 ├─ ToolMissingError                     a compiler or emulator that is not installed
 ├─ BuildError                           the compiler refuses, or the code does not fit the board
 └─ RunError                             the emulator fails, or the program on it does
"""

from collections.abc import Sequence


class FirmwareExportError(Exception):
    """Base of everything that the exporter refuses; the message is one clear line."""


class ModelFileError(FirmwareExportError, ValueError):
    """The model file or bundle cannot be read, or is none that we export."""


class UnsupportedForCError(FirmwareExportError, ValueError):
    """The graph holds things that the C cannot say; all of them are named at once.

    Attributes:
        problems: One line each: operation, what is not supported.
    """

    def __init__(self, model: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = f"{len(self.problems)} thing{'s' if len(self.problems) > 1 else ''}"
        super().__init__(f"{model}: {count} not supported in C: " + "; ".join(self.problems))


class BudgetSyntaxError(FirmwareExportError, ValueError):
    """A text that is no budget."""


class BudgetExceededError(FirmwareExportError):
    """The model takes more flash or RAM than it may; the message lists what makes it so."""


class BandsError(FirmwareExportError, ValueError):
    """The first layers cannot be cut like that, or no cut makes the model fit."""


class NamingError(FirmwareExportError, ValueError):
    """A prefix is not a legal C identifier, or is reserved."""


class OutputError(FirmwareExportError):
    """The output directory exists and was not written by `edge-firmware export`."""


class ExportDirectoryError(FirmwareExportError, ValueError):
    """A directory to verify was not written by `edge-firmware export`, or lacks files."""


class ToolMissingError(FirmwareExportError):
    """A compiler or emulator is not installed; the message names what to install."""


class BuildError(FirmwareExportError):
    """The compiler or linker refuses the exported code."""


class RunError(FirmwareExportError):
    """The program on the emulator faults, hangs or prints what nobody expects."""
