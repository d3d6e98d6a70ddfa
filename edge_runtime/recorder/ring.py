"""The last seconds in memory, bounded in time and bytes.

What a chain remembers is noted at the start of each segment; whole segments are forgotten, so that
what is left always begins where a replay can.
"""

from dataclasses import dataclass, field

from edge_runtime.recorder.record import Kept, Memory

SEGMENTS = 5  # one of them is filling: at least 4/5 of what may be kept is


@dataclass(slots=True, eq=False)
class Segment:
    """Frames, and what was remembered before the first of them."""

    memory: Memory
    began_s: float
    kept: list[Kept] = field(default_factory=list)
    bytes: int = 0


class Ring:
    """Used under the recorder's lock.

    Args:
        seconds: From the first frame to the last, at most.
        max_bytes: At most, but for a single frame that is larger.
    """

    def __init__(self, seconds: float, max_bytes: float) -> None:
        self._segment_s = seconds / SEGMENTS
        self._segment_bytes = max_bytes / SEGMENTS
        self._segments: list[Segment] = []

    @property
    def bytes(self) -> int:
        """Return about how much memory is held."""
        return sum(segment.bytes for segment in self._segments)

    def is_segment_due(self, now_s: float) -> bool:
        """Return whether the next frame begins a segment."""
        if not self._segments:
            return True
        last = self._segments[-1]
        return now_s - last.began_s >= self._segment_s or last.bytes >= self._segment_bytes

    def begin(self, memory: Memory, now_s: float) -> None:
        """Begin a segment, and forget what is too old or too much with it."""
        self._segments.append(Segment(memory, now_s))
        oldest_s = now_s - self._segment_s * SEGMENTS
        most = self._segment_bytes * (SEGMENTS - 1)
        while len(self._segments) > 1 and (
            self._segments[0].began_s <= oldest_s + self._segment_s or self.bytes > most
        ):
            self._segments.pop(0)

    def add(self, kept: Kept) -> None:
        """Keep a frame."""
        segment = self._segments[-1]
        segment.kept.append(kept)
        segment.bytes += kept.size

    def held(self) -> tuple[Memory, tuple[Kept, ...]] | None:
        """Return all there is, and what was remembered before it; None of nothing."""
        if not any(segment.kept for segment in self._segments):
            return None
        kept = tuple(kept for segment in self._segments for kept in segment.kept)
        return self._segments[0].memory, kept
