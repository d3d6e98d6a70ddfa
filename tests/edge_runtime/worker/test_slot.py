"""Room for one frame."""

import threading

import numpy as np

from edge_runtime.records import Frame, FrameRef
from edge_runtime.worker.slot import FrameSlot


def frame(number: int) -> Frame:
    return Frame(FrameRef("s", number, 0.0, 0.0), np.zeros(1))


def test_the_newest_frame_wins() -> None:
    slot = FrameSlot()
    old, new = frame(0), frame(1)

    assert slot.put_newest(old) is None
    assert slot.put_newest(new) is old
    assert slot.take(0.0) is new
    assert slot.take(0.0) is None


def test_a_recording_waits_for_room() -> None:
    slot = FrameSlot()
    first, second = frame(0), frame(1)

    assert slot.put_when_empty(first, 0.0)
    assert not slot.put_when_empty(second, 0.01)
    assert slot.take(0.0) is first
    assert slot.put_when_empty(second, 0.0)


def test_every_frame_of_a_recording_arrives_in_order() -> None:
    slot, taken = FrameSlot(), []

    def consume() -> None:
        while len(taken) < 200:
            got = slot.take(5.0)
            assert got is not None
            taken.append(got.ref.sequence)

    thread = threading.Thread(target=consume)
    thread.start()
    for number in range(200):
        assert slot.put_when_empty(frame(number), 5.0)
    thread.join()

    assert taken == list(range(200))
