"""The ledger of frames."""

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.link import Latencies
from edge_runtime.records import Delivery
from edge_runtime.worker.accounts import Accounts, Drop, percentiles


@settings(max_examples=50)
@given(st.lists(st.sampled_from([None, *Drop]), max_size=40), st.integers(0, 3))
def test_every_captured_frame_is_dropped_inferred_or_in_flight(
    fates: list[Drop | None], open_frames: int
) -> None:
    accounts = Accounts()
    numbers = [accounts.captured() for _ in range(len(fates) + open_frames)]
    for fate in fates:
        if fate is None:
            accounts.inferred(1.0, 2.0)
        else:
            accounts.dropped(fate)

    counters = accounts.counters()

    assert numbers == list(range(len(numbers)))
    assert counters.in_flight == open_frames
    assert counters.captured == counters.inferred + sum(counters.dropped.values()) + open_frames
    assert counters.inferred == fates.count(None)


def test_messages_are_counted_by_their_promise() -> None:
    accounts = Accounts()
    accounts.made(Delivery.ALL)
    accounts.made(Delivery.ALL)

    assert accounts.counters().made == {"live": 0, "latest": 0, "all": 2}


def test_latencies_are_those_since_the_last_report() -> None:
    accounts = Accounts()
    for milliseconds in range(1, 101):
        accounts.inferred(float(milliseconds), milliseconds * 10.0)

    age, infer = accounts.take_latencies()

    assert infer == Latencies(51.0, 96.0, 100.0)
    assert age == Latencies(510.0, 960.0, 1000.0)
    assert accounts.take_latencies() == (None, None)
    assert percentiles([7.0]) == Latencies(7.0, 7.0, 7.0)
