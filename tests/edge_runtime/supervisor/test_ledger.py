"""The books of a pipeline balance, whatever its workers report and whenever they die."""

from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.link import Counters, Outgoing
from edge_runtime.records import Delivery, Message
from edge_runtime.supervisor.ledger import Ledger


def outgoing(sequence: int, topic: str = "p/a/event") -> Outgoing:
    return Outgoing(Message(topic, b"", Delivery.ALL), sequence)


counters = st.builds(
    lambda inferred, in_flight, full: Counters(
        inferred + in_flight + full, inferred, in_flight, {"full": full}, {}
    ),
    st.integers(0, 50),
    st.integers(0, 2),
    st.integers(0, 9),
)


@given(st.lists(st.one_of(counters, st.none()), max_size=20))
def test_captured_is_dropped_plus_inferred_plus_in_flight(steps: list[Counters | None]) -> None:
    ledger = Ledger()
    for step in steps:
        if step is None:
            ledger.close_worker()
        else:
            ledger.report(step)
        totals = ledger.totals()
        assert totals.captured == totals.dropped.total() + totals.inferred + totals.in_flight


def test_the_next_worker_goes_on_where_the_last_one_stopped() -> None:
    ledger = Ledger()
    for sequence in range(3):
        ledger.stamp(outgoing(sequence))
    ledger.stamp(outgoing(0, "p/a/state"))

    assert ledger.first_sequences() == {"p/a/event": 3, "p/a/state": 1}
    assert ledger.totals().received == {Delivery.ALL: 4}
    assert ledger.totals().gaps == 0


def test_numbers_that_never_came_are_gaps() -> None:
    ledger = Ledger()
    ledger.stamp(outgoing(0))
    ledger.stamp(outgoing(4))

    assert ledger.totals().gaps == 3
