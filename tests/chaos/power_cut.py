"""Cutting the power of a writer: what the block layer had received is all that is left.

The writer works on an ext4 image of its own and says on a pipe what it was promised to be durable.
At a random moment it is stopped and the image file copied; the copy is mounted, its journal
replayed, and what it holds compared with what was promised. The copy is not atomic: one that cannot
be mounted is counted and tried again. A card's own cache and reordering are not modelled.
"""

import os
import random
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.mounts import make_image, mounted

ROOT = Path(__file__).resolve().parents[2]
PROMISES_BEFORE = 20  # the cut comes no sooner


@dataclass
class Cuts:
    """What was promised and what was found, over all cuts."""

    cuts: int = 0
    promised: int = 0
    lost: int = 0
    not_mountable: int = 0

    def __str__(self) -> str:
        text = f"{self.cuts} cuts, {self.promised} records promised, {self.lost} lost"
        return text + (f", {self.not_mountable} copies not mountable" * bool(self.not_mountable))


def cut_again_and_again(
    place: Path, writer: str, last_held: Callable[[Path], int], *, cuts: int, seed: int
) -> Cuts:
    """Cut the power of `python -m WRITER DIRECTORY` so often; `last_held` reads what is left."""
    rng, result = random.Random(seed), Cuts()
    while result.cuts < cuts and result.not_mountable <= cuts:
        image, copy = place.parent / "image", place.parent / "copy"
        make_image(image)
        with mounted(image, place):
            promised = _cut(place, writer, image, copy, rng.uniform(0.0, 1.5))
        try:
            with mounted(copy, place):
                held = last_held(place)
        except OSError:
            result.not_mountable += 1
            continue
        result.cuts += 1
        result.promised += promised
        result.lost += max(0, promised - held)
    return result


def _cut(place: Path, writer: str, image: Path, copy: Path, after_s: float) -> int:
    """Run the writer, stop it, copy the image; return the last number that was promised."""
    process = subprocess.Popen(
        [sys.executable, "-m", writer, str(place)], cwd=ROOT, stdout=subprocess.PIPE,
        bufsize=0,  # what is not read here is read by the descriptor
    )  # fmt: skip
    assert process.stdout is not None
    try:
        first = [process.stdout.readline() for _ in range(PROMISES_BEFORE)]
        reader = _LastNumber(process.stdout.fileno(), first[-1])
        threading.Event().wait(after_s)
        os.kill(process.pid, signal.SIGSTOP)
        promised = reader.stop()
        shutil.copyfile(image, copy)
        return promised
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class _LastNumber:
    """Reads numbers off a pipe as they come, so that the writer never waits for us."""

    def __init__(self, descriptor: int, before: bytes) -> None:
        self._descriptor = descriptor
        self._data = before
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def stop(self) -> int:
        self._is_stopping.set()
        self._thread.join()
        return int(self._data.split(b"\n")[-2])  # behind the last line's end is a torn one

    def _read(self) -> None:
        while True:
            readable, _, _ = select.select([self._descriptor], [], [], 0.02)
            if readable and (chunk := os.read(self._descriptor, 65536)):
                self._data += chunk
            elif self._is_stopping.is_set():
                return
