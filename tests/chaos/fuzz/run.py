"""`make fuzz`: every decoder, CASES each or SECONDS each; a table; exit 1 at a crash."""

import os
import sys
import tempfile
from pathlib import Path

from tests.chaos.fuzz.fuzz import Verdict, fuzz
from tests.chaos.fuzz.targets import targets
from tests.chaos.settings import SEED

CASES = int(os.environ.get("CASES", "1000000"))
SECONDS = float(os.environ.get("SECONDS", "600"))


def main() -> None:
    print(f"seed {SEED}; {CASES} cases or {SECONDS:.0f} s each")
    print("| decoder | cases | taken as good | crashes | slowest | seconds |")
    print("|---|---|---|---|---|---|")
    verdicts = []
    with tempfile.TemporaryDirectory() as directory:
        for target in targets(Path(directory)):
            verdicts.append(fuzz(target, cases=CASES, seconds=SECONDS, seed=SEED))
            print(_row(verdicts[-1]), flush=True)
    for verdict in verdicts:
        for why, data in verdict.crashes:
            print(f"{verdict.name}: {why}: {data[:200]!r}")
    bad = sum(not verdict.is_good for verdict in verdicts)
    print(f"{len(verdicts) - bad} passed, {bad} failed")
    sys.exit(1 if bad else 0)


def _row(verdict: Verdict) -> str:
    slowest = f"{1000 * verdict.slowest_s:.1f} ms"
    return (
        f"| {verdict.name} | {verdict.cases} | {verdict.read} | {verdict.crashed} | {slowest}"
        f" | {verdict.seconds:.0f} |"
    )


if __name__ == "__main__":
    main()
