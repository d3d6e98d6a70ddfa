"""The command `edge-quantize`, also `python -m quantize`."""

from collections.abc import Callable
from typing import NoReturn

from edge_runtime.command_edge import run_command
from quantize.heap import keep_heap_small


def main() -> NoReturn:
    """Run the command line, importing it only inside of the edge that knows Ctrl-C."""
    run_command("edge-quantize", _load)


def _load() -> Callable[[], object]:
    keep_heap_small()
    from quantize.cli import main as command_line  # noqa: PLC0415

    return command_line


if __name__ == "__main__":
    main()
