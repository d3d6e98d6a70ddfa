"""Room between capture and inference."""

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
    assert slot.take(0.0) == [new]
    assert slot.take(0.0) == []


def test_with_room_for_three_the_oldest_of_four_goes() -> None:
    slot = FrameSlot(3)
    frames = [frame(number) for number in range(4)]

    assert [slot.put_newest(each) for each in frames] == [None, None, None, frames[0]]
    assert slot.take(0.0) == frames[1:]


def test_what_is_not_taken_stays_in_order() -> None:
    slot = FrameSlot(4)
    frames = [frame(number) for number in range(3)]
    for each in frames:
        slot.put_newest(each)

    assert slot.take(0.0, 2) == frames[:2]
    assert slot.take(0.0, 2) == frames[2:]


def test_nobody_waits_for_a_batch_to_fill() -> None:
    slot = FrameSlot(64)
    only = frame(0)
    slot.put_newest(only)

    assert slot.take(3600.0) == [only]


def test_a_recording_waits_for_room() -> None:
    slot = FrameSlot(2)
    frames = [frame(number) for number in range(3)]

    assert slot.put_when_free(frames[0], 0.0)
    assert slot.put_when_free(frames[1], 0.0)
    assert not slot.put_when_free(frames[2], 0.01)
    assert slot.take(0.0, 1) == frames[:1]
    assert slot.put_when_free(frames[2], 0.0)
    assert slot.take(0.0) == frames[1:]


def test_every_frame_of_a_recording_arrives_in_order() -> None:
    for room in (1, 5):
        slot, taken = FrameSlot(room), []

        def consume(slot: FrameSlot = slot, taken: list[int] = taken) -> None:
            while len(taken) < 200:
                got = slot.take(5.0)
                assert len(got) >= 1
                taken += [each.ref.sequence for each in got]

        thread = threading.Thread(target=consume)
        thread.start()
        for number in range(200):
            assert slot.put_when_free(frame(number), 5.0)
        thread.join()

        assert taken == list(range(200))
