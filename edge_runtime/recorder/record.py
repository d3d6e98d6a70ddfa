"""What a recording holds: schema "edge.recording/1", JSON beside plain arrays.

recording.json   this file's `Recording`: of what, why, and what the chain remembered at its start
frames.jsonl     one `Entry` a line, in the order in which the chain saw the frames
frames.npz       the frames as they came from the source, by `Entry.values`; absent with privacy
"""

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy.typing as npt

from edge_runtime.link import Ready
from edge_runtime.recorder.tape import Readings
from edge_runtime.records import FrameRef
from edge_runtime.worker.chain import ChainState
from edge_runtime.worker.publisher import PublisherState

SCHEMA = "edge.recording/1"
RECORDING, ENTRIES, FRAMES = "recording.json", "frames.jsonl", "frames.npz"


class Memory(msgspec.Struct, frozen=True):
    """What a pipeline remembers between two frames."""

    chain: ChainState
    publisher: PublisherState


class Sent(msgspec.Struct, frozen=True):
    """A message as it left; `payload` is its text, byte by byte."""

    topic: str
    sequence: int
    payload: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A frame's way through the chain.

    Attributes:
        ref: Where and when it was captured.
        label: What the source knew about it.
        values: Name of its array in frames.npz; None: it was not kept.
        threshold: In force.
        readings: What came from outside while it and the frames that join it were in hand.
        drop: Why it came to nothing; None: it did not.
        sent: Its messages.
        joins: It was in hand together with the frame of the entry before, where their readings are.
    """

    ref: FrameRef
    label: str | None
    values: str | None
    threshold: float
    readings: Readings
    drop: str | None
    sent: tuple[Sent, ...]
    joins: bool = False


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """The content of recording.json.

    Attributes:
        why: It was written.
        models: The pipeline's own, its further ones inside.
        privacy: Frames are left out on purpose.
        memory: Before the first frame.
    """

    schema: str = SCHEMA
    pipeline: str
    boot: str
    why: str
    written_at: str
    versions: dict[str, str]
    models: Ready
    privacy: bool
    frames: int
    memory: Memory


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """An entry, and its frame where it is kept."""

    entry: Entry
    values: npt.NDArray[Any] | None

    @property
    def size(self) -> int:
        """Return about how many bytes of memory it takes."""
        held = 0 if self.values is None else self.values.nbytes
        return held + sum(len(sent.payload) for sent in self.entry.sent) + ENTRY_BYTES


ENTRY_BYTES = 1024  # readings, references and the objects around them
