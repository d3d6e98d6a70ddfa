"""The ring is bounded in time and bytes, and always begins where a replay can."""

import numpy as np

from edge_runtime.recorder.record import Entry, Kept, Memory
from edge_runtime.recorder.ring import Ring
from edge_runtime.recorder.tape import Readings
from edge_runtime.records import FrameRef
from edge_runtime.worker.chain import ChainState
from edge_runtime.worker.publisher import PublisherState


def memory(number: int) -> Memory:
    publisher = PublisherState({"p/p1/pred": number}, (), None, 0.0, None)
    return Memory(ChainState((), None, None), publisher)


def fill(ring: Ring, frames: int, rate_hz: float, size: int) -> None:
    for number in range(frames):
        now_s = number / rate_hz
        if ring.is_segment_due(now_s):
            ring.begin(memory(number), now_s)
        entry = Entry(
            ref=FrameRef("s", number, 0.0, now_s), label=None, values=None, threshold=0.5,
            readings=Readings(), drop=None, sent=(),
        )  # fmt: skip
        ring.add(Kept(entry, np.zeros(size, np.uint8)))


def test_it_keeps_the_last_seconds() -> None:
    ring = Ring(10.0, 1e9)
    fill(ring, 1000, 10.0, 1)

    held = ring.held()
    assert held is not None
    before, kept = held
    assert 80 <= len(kept) <= 100
    assert kept[-1].entry.ref.sequence == 999
    assert before.publisher.sequences["p/p1/pred"] == kept[0].entry.ref.sequence


def test_it_never_holds_more_than_its_bytes() -> None:
    ring = Ring(1e6, 1_000_000)
    for frames in range(1, 400, 7):
        ring = Ring(1e6, 1_000_000)
        fill(ring, frames, 10.0, 10_000)
        assert ring.bytes <= 1_000_000 + 11_024
    held = ring.held()
    assert held is not None
    assert len(held[1]) > 60


def test_nothing_is_held_at_first() -> None:
    assert Ring(10.0, 1e6).held() is None
