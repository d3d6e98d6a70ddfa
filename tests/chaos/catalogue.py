"""The rows that the fault suite has to show: what goes wrong, and what is promised then."""

import re
from dataclasses import dataclass

_ROWS = re.compile(r"test_((?:[ndsmt]\d+_)+)")


@dataclass(frozen=True)
class Row:
    fault: str
    expected: str


CATALOGUE = {
    "N1": Row("broker down at the start", "ready without it; everything delivered later"),
    "N2": Row("broker killed in mid-run", "back with jitter; nothing lost; repeats are equal"),
    "N3": Row("slow or narrow link", "frames keep their pace; bounded in flight; all delivered"),
    "N4": Row("half-open connection", "noticed by the missing PUBACK, or in 2 keep-alives"),
    "N5": Row("certificate expired, wrong host or CA", "a cause of its own each; never plain"),
    "N6": Row("wrong password, topic forbidden", "named; tried slowly; given up by number"),
    "N7": Row("two daemons, one client id", "the lock, or duplicate_id and slow retries"),
    "N8": Row("payload too large, in or out", "refused and counted; memory stays bounded"),
    "N9": Row("malicious commands", "refused in one line and answered; nothing crashes"),
    "N10": Row("command replayed or reordered", "a counter works once, over restarts too"),
    "D1": Row("disk full", "inference and delivery go on; storage named; nothing committed lost"),
    "D2": Row("outbox file damaged", "set aside, counted, work goes on"),
    "D3": Row("power cut in mid-write", "no committed record lost; no half record"),
    "D4": Row("power cut while a file is replaced", "the old one or the new one, whole"),
    "D5": Row("disk read-only, I/O errors", "from memory, named, bounded"),
    "D6": Row("storage that goes back in time", "seq_regression, a new epoch, no number twice"),
    "S1": Row("source unplugged", "named, opened again; no prediction of old frames"),
    "S2": Row("source hangs or repeats itself", "stalled or frozen; opened again"),
    "S3": Row("frames damaged", "counted, skipped; named where most are"),
    "S4": Row("values that are no numbers, or stuck", "refused before the model; named"),
    "S5": Row("input drifts away", "an alert within one window; its recording replays the same"),
    "M1": Row("model damaged", "refused by its hash before a parser sees it"),
    "M2": Row("wrong signature, unknown key", "refused and told; the newest signed one runs"),
    "M3": Row("model of another shape or kind", "refused with the reason"),
    "M4": Row("crash in native code", "worker replaced in 2 s; numbers go on; told"),
    "M5": Row("inference hangs", "noticed, worker replaced; the others untouched"),
    "M6": Row("out of memory", "the worker dies before the supervisor; replaced"),
    "T1": Row("wall clock jumps", "timers hold; nothing expires; the clock is marked"),
    "T2": Row("a loop stands still", "the watchdog is no longer fed"),
    "T3": Row("thermal throttling", "down the ladder and up again; told; the watchdog is fed"),
    "T4": Row("SIGTERM at any moment", "exit 0 within 10 s; death published; nothing lost"),
    "T5": Row("starts that break off", "previous models, then none; told"),
    "T6": Row("leaks", "memory, descriptors and threads stay flat"),
}


def rows_of(test_name: str) -> tuple[str, ...]:
    """Return the rows that a test's name says it shows: test_n4_... gives ("N4",)."""
    found = _ROWS.match(test_name)
    return () if found is None else tuple(found[1].upper().rstrip("_").split("_"))
