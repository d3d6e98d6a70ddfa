"""Strict mode: what waits for its consumer, and when it is sent again."""

from edge_runtime.mqtt.outbox.unconfirmed import (
    MOST,
    RESEND_AFTER_S,
    Confirmation,
    Unconfirmed,
)
from edge_runtime.records import Delivery, Message


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def event(sequence: int, topic: str = "e") -> Message:
    marks = (("boot", "b"), ("seq", str(sequence)))
    return Message(topic, b"", Delivery.ALL, properties=marks)


def test_a_word_covers_its_topic_and_boot_up_to_its_number() -> None:
    waiting = Unconfirmed(Clock())
    for number, (sequence, topic) in enumerate([(0, "e"), (1, "e"), (0, "f"), (2, "e")]):
        waiting.add(number, event(sequence, topic))

    assert waiting.confirmed_by(Confirmation("e", "b", 1)) == [0, 1]
    assert waiting.confirmed_by(Confirmation("e", "c", 9)) == []
    waiting.discard(0)
    assert waiting.confirmed_by(Confirmation("e", "b", 9)) == [1, 3]


def test_what_is_not_confirmed_is_due_again_and_waits_anew() -> None:
    clock = Clock()
    waiting = Unconfirmed(clock)
    waiting.add(1, event(1))
    assert waiting.is_waiting(1)
    assert not waiting.has_overdue()

    clock.now = RESEND_AFTER_S
    assert waiting.has_overdue()
    assert not waiting.is_waiting(1)
    waiting.add(1, event(1))

    assert waiting.is_waiting(1)
    assert not waiting.has_overdue()


def test_a_message_without_a_number_has_no_consumer() -> None:
    assert not Unconfirmed(Clock()).add(1, Message("t", b"", Delivery.ALL))


def test_so_many_may_wait_and_no_more() -> None:
    waiting = Unconfirmed(Clock())
    for number in range(MOST):
        waiting.add(number, event(number))

    assert waiting.is_full()
