"""`make soak`: random faults for SOAK_S seconds on one daemon, and what its processes grow by.

Every fault's end is judged by all invariants. SEED=... repeats the same faults in the same order;
they are drawn before the first begins.
"""

import os
import random
import secrets
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from tests.chaos import faults
from tests.chaos.fault import Fault, endure
from tests.chaos.slopes import Series, counts
from tests.chaos.stand import Stand

SOAK_S = float(os.environ.get("SOAK_S", "1800"))
SEED = int(os.environ.get("SEED", str(secrets.randbelow(1 << 31))))
WARM_UP_SHARE = 0.2
SAMPLE_S = 2.0

KINDS: dict[str, tuple[Fault, float, float]] = {  # with the least and the most that it lasts, in s
    "broker killed": (faults.N2_BROKER_KILLED, 0.1, 3.0),
    "link of 200 ms": (faults.N3_SLOW["200ms"], 3.0, 8.0),
    "link of 2 kB/s": (faults.N3_NARROW, 6.0, 10.0),
    "link cut": (faults.N3_CUT, 0.5, 4.0),
    "link frozen": (faults.N4_FROZEN_LINK, 4.0, 8.0),
    "broker frozen": (faults.N4_FROZEN_BROKER, 4.0, 8.0),
    "worker segfaults": (faults.M4_SEGFAULT, 0.5, 0.5),
    "worker killed": (faults.M4_KILLED, 0.5, 0.5),
    "worker hangs": (faults.M5_HANGS, 12.0, 12.0),
    "no memory for a worker": (faults.M6_STARVED, 1.0, 2.0),
}


class Sampler:
    """Counts of supervisor and workers, taken while the faults come and go.

    Workers come and go, too: they count as one series, so that a leak in what they hand on shows.
    """

    def __init__(self, stand: Stand) -> None:
        self.series = {"supervisor": Series(), "worker": Series()}
        self._stand = stand
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler")
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        assert self._stand.daemon.process is not None
        supervisor = self._stand.daemon.process.pid
        while not self._stop.wait(SAMPLE_S):
            try:
                self.series["supervisor"].add(time.monotonic(), counts(supervisor))
                for pid in self._stand.daemon.workers():
                    self.series["worker"].add(time.monotonic(), counts(pid))
            except (OSError, KeyError):  # one died while it was looked at
                continue


def main() -> None:
    rng = random.Random(SEED)
    plan = [_draw(rng) for _ in range(int(SOAK_S))]
    print(f"seed {SEED}; {SOAK_S:.0f} s", flush=True)
    done: Counter[str] = Counter()
    violated: list[str] = []
    with tempfile.TemporaryDirectory() as directory, Stand(Path(directory)) as stand:
        stand.start()
        sampler = Sampler(stand)
        until_s = time.monotonic() + SOAK_S
        for name, lasts_s in plan:
            if time.monotonic() > until_s:
                break
            done[name] += 1
            try:
                endure(stand, KINDS[name][0], lasts_s)
            except AssertionError as error:
                violated.append(f"{name} of {lasts_s:.1f} s: {str(error)[:3000]}")
                print(violated[-1], flush=True)
        sampler.close()
        received = stand.events()
    _print(done, violated, sampler, received)
    sys.exit(1 if violated else 0)


def _draw(rng: random.Random) -> tuple[str, float]:
    name = rng.choice(sorted(KINDS))
    _, least, most = KINDS[name]
    return name, rng.uniform(least, most)


def _print(done: Counter[str], violated: list[str], sampler: Sampler, received: int) -> None:
    print("\n| fault | times |\n|---|---|")
    for name, times in sorted(done.items()):
        print(f"| {name} | {times} |")
    print("\n| process | first | last | MB/h | fds/h |\n|---|---|---|---|---|")
    for name, series in sampler.series.items():
        slopes = series.slopes(WARM_UP_SHARE * SOAK_S)
        text = "too few points | " if slopes is None else f"{slopes[0]:+.1f} | {slopes[1]:+.1f}"
        print(f"| {name} | {series.counts[0]} | {series.counts[-1]} | {text} |")
    print(f"\n{received} events received; violations: {len(violated)}")
    print(f"{done.total() - len(violated)} passed, {len(violated)} failed")


if __name__ == "__main__":
    main()
