"""Objects keep their numbers."""

import numpy as np
import pytest

from edge_runtime.config.vision import TrackConfig
from edge_runtime.records import Detected, Detection
from edge_runtime.worker.tracker import Tracker

Step = tuple[str, float, float]  # label, left, top


def thing(label: str, x: float, y: float, side: float = 0.1) -> Detected:
    return Detected(label, 0, 0.9, (x, y, x + side, y + side))


def followed(
    tracker: Tracker, frames: list[list[Step]], fps: float = 10.0
) -> list[list[int | None]]:
    numbers = []
    for index, frame in enumerate(frames):
        decoded = Detection(tuple(thing(*step) for step in frame))
        result = tracker.follow(decoded, 100.0 + index / fps)
        numbers.append([o.track for o in result.objects])
    return numbers


def test_an_object_is_believed_after_so_many_frames_and_keeps_its_number() -> None:
    tracker = Tracker(TrackConfig(min_hits=3), 7)

    numbers = followed(tracker, [[("car", 0.01 * n, 0.3)] for n in range(6)])

    assert numbers == [[None], [None], [7], [7], [7], [7]]


def test_two_that_cross_keep_their_numbers_because_they_are_expected_to() -> None:
    tracker = Tracker(TrackConfig(min_hits=1), 1)
    frames = [[("car", 0.1 + 0.02 * n, 0.30), ("car", 0.7 - 0.02 * n, 0.34)] for n in range(30)]

    numbers = followed(tracker, frames)

    assert all(found == [1, 2] for found in numbers)


def test_the_order_in_which_the_boxes_come_does_not_matter() -> None:
    tracker = Tracker(TrackConfig(min_hits=1), 1)
    frames = [
        [("car", 0.1 + 0.02 * n, 0.30), ("car", 0.7 - 0.02 * n, 0.34)][:: 1 if n % 2 else -1]
        for n in range(30)
    ]

    numbers = followed(tracker, frames)

    assert {tuple(sorted(found, key=str)) for found in numbers} == {(1, 2)}
    assert all(found == numbers[n % 2] for n, found in enumerate(numbers))


def test_an_object_that_hides_and_goes_on_is_the_same() -> None:
    tracker = Tracker(TrackConfig(min_hits=1, max_misses=5), 1)
    path = [[("car", 0.1 + 0.02 * n, 0.3)] for n in range(20)]
    for n in range(10, 15):
        path[n] = []

    numbers = followed(tracker, path)

    assert numbers[9] == [1]
    assert numbers[15] == [1]  # it has moved by more than its width meanwhile


def test_one_miss_too_many_makes_it_another_object() -> None:
    tracker = Tracker(TrackConfig(min_hits=1, max_misses=2), 1)

    numbers = followed(tracker, [[("car", 0.3, 0.3)], [], [], [("car", 0.3, 0.3)], [], [], [],
                                 [("car", 0.3, 0.3)]])  # fmt: skip

    assert [found for found in numbers if found] == [[1], [1], [2]]


def test_what_was_seen_once_by_mistake_is_forgotten_at_once() -> None:
    tracker = Tracker(TrackConfig(min_hits=2, max_misses=50), 1)

    numbers = followed(tracker, [[("car", 0.3, 0.3)], [], [("car", 0.3, 0.3)], [("car", 0.3, 0.3)]])

    assert numbers == [[None], [], [None], [1]]


def test_another_label_in_the_same_place_is_another_object() -> None:
    tracker = Tracker(TrackConfig(min_hits=1), 1)

    assert followed(tracker, [[("car", 0.3, 0.3)], [("dog", 0.3, 0.3)], [("car", 0.3, 0.3)]]) == [
        [1], [2], [1],
    ]  # fmt: skip


def test_frames_that_were_dropped_change_nothing(rng: np.random.Generator) -> None:
    """The filter counts seconds, not frames: half of the frames are missing."""
    tracker = Tracker(TrackConfig(min_hits=1), 1)

    for n in sorted(rng.choice(60, 30, replace=False)):
        decoded = Detection((thing("car", 0.01 + 0.012 * n, 0.3),))
        result = tracker.follow(decoded, 5.0 + n / 10)
        assert result.objects[0].track == 1


def test_a_clock_that_stands_still_is_survived() -> None:
    tracker = Tracker(TrackConfig(min_hits=1), 1)

    for _ in range(3):
        result = tracker.follow(Detection((thing("car", 0.1, 0.1),)), 5.0)
        assert result.objects[0].track == 1


def test_the_speed_is_learned() -> None:
    tracker = Tracker(TrackConfig(min_hits=1), 1)
    followed(tracker, [[("car", 0.1 + 0.01 * n, 0.3)] for n in range(40)])

    (track,) = tracker._tracks

    assert track.speed[0] == pytest.approx(0.1, rel=0.02)
    assert track.speed[1:] == pytest.approx([0, 0, 0], abs=1e-6)


def test_what_is_still_there_after_a_gate_was_shut_is_the_same() -> None:
    """A car that rolled to its place keeps its number over a minute without frames."""
    tracker = Tracker(TrackConfig(min_hits=1), 1)
    for n in range(10):
        tracker.follow(Detection((thing("car", 0.1 + 0.01 * n, 0.3),)), n / 10)

    (found,) = tracker.follow(Detection((thing("car", 0.2, 0.3),)), 61.0).objects

    assert found.track == 1
