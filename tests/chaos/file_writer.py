"""A process that replaces a small file again and again, and says each that is on disk."""

import sys
from itertools import count
from pathlib import Path

from edge_runtime.host.durable import replace_file

NAME = "desired.json"


def content(number: int) -> bytes:
    return b"%d " % number + b"x" * (number % 9000) + b" end"


def main(directory: str) -> None:
    for number in count(1):
        replace_file(Path(directory) / NAME, content(number))
        print(number, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
