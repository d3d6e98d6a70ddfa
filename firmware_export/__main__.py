"""The command `edge-firmware`, also `python -m firmware_export`."""

from collections.abc import Callable
from typing import NoReturn

from edge_runtime.command_edge import run_command


def main() -> NoReturn:
    """Run the command line, importing it only inside of the edge that knows Ctrl-C."""
    run_command("edge-firmware", _load)


def _load() -> Callable[[], object]:
    from firmware_export.cli import main as command_line  # noqa: PLC0415

    return command_line


if __name__ == "__main__":
    main()
