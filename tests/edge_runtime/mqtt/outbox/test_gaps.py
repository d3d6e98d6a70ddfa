"""Every number that is given up is told, in as few ranges as there are."""

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.mqtt.outbox.gaps import (
    Gap,
    gap_of,
    gap_of_message,
    gap_of_record,
    joined,
)
from edge_runtime.records import Delivery, Message

MARKS = (("schema", "s"), ("boot", "b"), ("seq", "7"))


def test_a_message_leaves_its_own_number() -> None:
    message = Message("p/door/event", b"", Delivery.ALL, properties=MARKS)

    assert gap_of_message("full", message) == Gap("p/door/event", "b", 7, 7, "full")


def test_states_and_messages_without_a_number_leave_none() -> None:
    assert gap_of_message("full", Message("t", b"", Delivery.LATEST, properties=MARKS)) is None
    assert gap_of("full", "t", (("seq", "x"),)) is None
    assert gap_of_record("full", "t", b"\xff") is None


def test_numbers_that_touch_are_one_range_and_others_are_not() -> None:
    def one(number: int, reason: str = "full", boot: str = "b") -> Gap:
        return Gap("t", boot, number, number, reason)

    found = joined([one(3), one(1), one(2), one(5), one(4, "expired"), one(6, boot="c")])

    assert found == [
        Gap("t", "b", 4, 4, "expired"),
        Gap("t", "b", 1, 3, "full"),
        Gap("t", "b", 5, 5, "full"),
        Gap("t", "c", 6, 6, "full"),
    ]


@given(st.sets(st.integers(0, 60)), st.randoms(use_true_random=False))
def test_the_ranges_hold_just_the_numbers_that_went_in(
    numbers: set[int], rng: random.Random
) -> None:
    gaps = [Gap("t", "b", number, number, "full") for number in numbers]
    rng.shuffle(gaps)

    ranges = joined(gaps)

    assert {n for gap in ranges for n in range(gap.first, gap.last + 1)} == numbers
    assert all(a.last + 1 < b.first for a, b in itertools.pairwise(ranges))
