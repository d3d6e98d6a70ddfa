"""Keeps each frame's way through the chain, and knows when that is worth writing."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from edge_runtime.config.watch import RecorderConfig
from edge_runtime.link import Outgoing
from edge_runtime.recorder.margin import margin_of
from edge_runtime.recorder.record import Entry, Kept, Memory, Sent
from edge_runtime.recorder.ring import Ring
from edge_runtime.recorder.tape import Readings, Tape
from edge_runtime.records import Decoded, Frame

MIB = float(1 << 20)


@dataclass(frozen=True, slots=True, eq=False)
class Ended:
    """What became of a frame.

    Attributes:
        drop: Why it came to nothing; None: it did not.
        sent: Its messages.
    """

    frame: Frame
    drop: str | None
    sent: tuple[Outgoing, ...] = ()


class Recorder(Protocol):
    """Told by the inference loop of the frames that it has in hand together."""

    def begin(self, frames: Sequence[Frame], threshold: float) -> None:
        """Note that frames begin their way."""

    def decided(self, decoded: Decoded, threshold: float) -> None:
        """Note what was decided of one of them."""

    def end(self, ended: Sequence[Ended]) -> None:
        """Note what became of them."""


class NoRecorder:
    """Keeps nothing."""

    def begin(self, frames: Sequence[Frame], threshold: float) -> None:
        """Keep nothing."""

    def decided(self, decoded: Decoded, threshold: float) -> None:
        """Keep nothing."""

    def end(self, ended: Sequence[Ended]) -> None:
        """Keep nothing."""


@dataclass(frozen=True, slots=True)
class RecorderParts:
    """What the recorder listens to.

    Attributes:
        tape: Notes what comes from outside.
        remembered: Returns what the pipeline remembers now.
        now: Monotonic, seconds.
    """

    config: RecorderConfig
    tape: Tape
    remembered: Callable[[], Memory]
    now: Callable[[], float]


class FlightRecorder:
    """Fed by the inference loop; asked and read by the worker's own."""

    def __init__(self, parts: RecorderParts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._ring = Ring(parts.config.seconds, parts.config.max_mb * MIB)
        self._threshold: float | None = None  # of the frames in hand; None: there are none
        self._why: str | None = None
        self._not_before_s = parts.now()

    def begin(self, frames: Sequence[Frame], threshold: float) -> None:
        """Note what the pipeline remembers where a segment begins, and listen."""
        now_s = frames[0].ref.captured_monotonic_s
        with self._lock:
            if self._ring.is_segment_due(now_s):
                self._ring.begin(self._parts.remembered(), now_s)
        self._parts.tape.take()
        self._threshold = threshold

    def decided(self, decoded: Decoded, threshold: float) -> None:
        """Ask for a recording where it was a narrow decision."""
        least = self._parts.config.low_margin
        margin = margin_of(decoded, threshold) if least > 0 else None
        if margin is not None and margin < least:
            self.ask(f"margin {margin:.3g} is below {least:g}")

    def end(self, ended: Sequence[Ended]) -> None:
        """Keep the frames' way, all of them at once: a replay needs what they shared."""
        if self._threshold is None:
            return
        readings, threshold = self._parts.tape.take(), self._threshold
        self._threshold = None
        first, *joining = ended
        kept = [self._kept(first, readings, threshold)]
        kept += [self._kept(each, None, threshold) for each in joining]
        with self._lock:
            for each in kept:
                self._ring.add(each)

    def _kept(self, ended: Ended, readings: Readings | None, threshold: float) -> Kept:
        frame, is_kept = ended.frame, not self._parts.config.privacy
        entry = Entry(
            ref=frame.ref,
            label=frame.label if is_kept else None,
            values=f"frame_{frame.ref.sequence}" if is_kept else None,
            threshold=threshold,
            readings=readings or Readings(),
            drop=ended.drop,
            sent=as_text(ended.sent),
            joins=readings is None,
        )
        return Kept(entry, frame.values if is_kept else None)

    def ask(self, why: str, *, at_once: bool = False) -> None:
        """Ask for a recording; `at_once` does not mind how long ago the last one was."""
        with self._lock:
            if self._why is None and (at_once or self._parts.now() >= self._not_before_s):
                self._why = why

    def wanted(self) -> str | None:
        """Return why a recording is wanted, once; None: none is."""
        with self._lock:
            why, self._why = self._why, None
            if why is not None:
                self._not_before_s = self._parts.now() + self._parts.config.pause_s
        return why

    def held(self) -> tuple[Memory, tuple[Kept, ...]] | None:
        """Return what is kept now; None: nothing."""
        with self._lock:
            return self._ring.held()


def as_text(messages: Sequence[Outgoing]) -> tuple[Sent, ...]:
    """Return messages as recordings hold them."""
    return tuple(
        Sent(out.message.topic, out.sequence, out.message.payload.decode()) for out in messages
    )
