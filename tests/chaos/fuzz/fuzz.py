"""Reading mutated bytes, and keeping what made a decoder do anything but answer or refuse."""

import random
import time
from dataclasses import dataclass, field

from tests.chaos.fuzz.mutator import Mutator
from tests.chaos.fuzz.targets import REFUSALS, Target

SLOW_S = 1.0
MOST_KEPT = 5


@dataclass
class Verdict:
    """What became of one target's cases.

    Attributes:
        read: Cases that were taken as good.
        crashes: The exceptions that were no refusals, with the bytes that raised them.
        slowest_s: Of one case, by the processor's time.
    """

    name: str
    cases: int = 0
    read: int = 0
    seconds: float = 0.0
    slowest_s: float = 0.0
    crashed: int = 0
    crashes: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not self.crashed and self.slowest_s < SLOW_S


def fuzz(target: Target, *, cases: int, seconds: float, seed: int) -> Verdict:
    """Read `cases` mutations, or as many as `seconds` allow."""
    mutator = Mutator(target.seeds, random.Random(f"{seed} {target.name}"))
    verdict, began_s = Verdict(target.name), time.monotonic()
    while verdict.cases < cases and verdict.seconds < seconds:
        _read(target, mutator.next(), verdict)
        verdict.seconds = time.monotonic() - began_s
    return verdict


def _read(target: Target, data: bytes, verdict: Verdict) -> None:
    verdict.cases += 1
    began_s = time.thread_time()
    try:
        target.read(data)
        verdict.read += 1
    except REFUSALS:
        pass
    except Exception as error:  # noqa: BLE001 - what it may not do is what is looked for
        verdict.crashed += 1
        if len(verdict.crashes) < MOST_KEPT:
            verdict.crashes.append((f"{type(error).__name__}: {error}"[:200], data))
    verdict.slowest_s = max(verdict.slowest_s, time.thread_time() - began_s)
