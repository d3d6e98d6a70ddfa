"""LIVE messages and answers: bounded, oldest give way, nothing kept for nobody."""

from edge_runtime.mqtt.mailbox import MAX_LIVE, MAX_REMEMBERED, Mailbox, Memory, Reply
from edge_runtime.records import Delivery, Message


def live(number: int) -> Message:
    return Message("p/door/pred", b"%d" % number, Delivery.LIVE)


def test_nothing_is_taken_while_nobody_fetches() -> None:
    mailbox = Mailbox()

    assert not mailbox.put_live(live(1))
    mailbox.put_reply(Reply("a", live(1), None))

    assert mailbox.next_live() is None
    assert mailbox.next_reply() is None
    assert mailbox.dropped() == {"offline": 1}


def test_the_oldest_give_way_on_a_slow_link() -> None:
    mailbox = Mailbox()
    mailbox.open()

    for number in range(MAX_LIVE + 3):
        mailbox.put_live(live(number))

    assert mailbox.next_live() == live(3)
    assert mailbox.dropped() == {"slow_link": 3}


def test_what_is_inside_at_the_end_counts_as_dropped() -> None:
    mailbox = Mailbox()
    mailbox.open()
    mailbox.put_live(live(1))
    mailbox.put_live(live(2))

    mailbox.shut()

    assert mailbox.next_live() is None
    assert mailbox.dropped()["offline"] == 2


def test_the_memory_of_states_is_bounded_and_newest_wins() -> None:
    memory = Memory()
    for number in range(MAX_REMEMBERED + 1):
        memory.remember(Message(f"p/{number}/state", b"old", Delivery.LATEST))
    memory.remember(Message("p/1/state", b"new", Delivery.LATEST))

    assert len(memory.states) == MAX_REMEMBERED
    assert "p/0/state" not in memory.states
    assert memory.states["p/1/state"].payload == b"new"
