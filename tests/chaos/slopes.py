"""How memory and descriptors of processes change: counts, and slopes in MB/h and fds/h."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Counts:
    """What one process holds."""

    rss_mb: float
    descriptors: int
    threads: int

    def __str__(self) -> str:
        return f"{self.rss_mb:.1f} MB, {self.descriptors} fds, {self.threads} threads"


def counts(pid: int) -> Counts:
    """Return what a process holds now.

    Raises:
        OSError: It is gone.
    """
    place = Path(f"/proc/{pid}")
    fields = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
    return Counts(
        rss_mb=int(fields["VmRSS"].split()[0]) / 1024,
        descriptors=len(list((place / "fd").iterdir())),
        threads=int(fields["Threads"]),
    )


@dataclass
class Series:
    """Counts over time, of one process."""

    at_s: list[float] = field(default_factory=list)
    counts: list[Counts] = field(default_factory=list)

    def add(self, at_s: float, now: Counts) -> None:
        self.at_s.append(at_s)
        self.counts.append(now)

    def slopes(self, warm_up_s: float) -> tuple[float, float] | None:
        """Return least-squares MB/h and fds/h after the warm-up, None for too few points."""
        begin = self.at_s[0] + warm_up_s if self.at_s else 0.0
        points = [pair for pair in zip(self.at_s, self.counts, strict=True) if pair[0] >= begin]
        if len(points) < 3:
            return None
        hours = np.array([at_s for at_s, _ in points]) / 3600.0
        held = np.array([(now.rss_mb, now.descriptors) for _, now in points])
        (rss, descriptors), _ = np.polyfit(hours, held, 1)
        return float(rss), float(descriptors)
