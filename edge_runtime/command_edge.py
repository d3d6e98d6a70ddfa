"""The outermost edge of a command: what nobody caught becomes an exit code."""

import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

EXIT_BUG = 70
EXIT_INTERRUPTED = 130


def run_command(name: str, load: Callable[[], Callable[[], object]]) -> NoReturn:
    """Run a command and end the process.

    Ctrl-C is one line and exit code 130, from the first import on; a bug is its traceback and 70.

    Args:
        name: Of the command.
        load: Imports what is slow and returns what to run, which exits by itself where it fails.
    """
    try:
        load()()
    except KeyboardInterrupt:
        sys.stderr.write(f"{name}: interrupted\n")
        sys.exit(EXIT_INTERRUPTED)
    except Exception:  # noqa: BLE001  # the process's edge
        traceback.print_exc()
        sys.exit(EXIT_BUG)
    sys.exit(0)
