"""The line before the engines: short, in time, never lost."""

import threading

import pytest
from werkzeug.exceptions import ServiceUnavailable

from edge_runtime.http.seats import Seats


def test_nobody_holds_what_another_holds() -> None:
    seats = Seats(["a", "b"], 0, 1.0)

    with seats.take() as one, seats.take() as other:
        assert {one, other} == {"a", "b"}


def test_a_full_line_refuses_at_once_and_says_when_to_come_again() -> None:
    seats = Seats(["a"], 0, 60.0)

    with seats.take(), pytest.raises(ServiceUnavailable) as refused, seats.take():
        pass

    assert refused.value.description == "busy: 0 requests are waiting, allowed are 0"
    assert ("Retry-After", "1") in refused.value.get_headers()


def test_who_waits_too_long_is_refused_and_leaves_the_line() -> None:
    seats = Seats(["a"], 1, 0.01)

    for _ in range(3):
        with (
            seats.take(),
            pytest.raises(ServiceUnavailable, match=r"within 0\.01 s"),
            seats.take(),
        ):
            pass


def test_who_waits_gets_it_when_it_is_free_also_after_a_failure() -> None:
    seats = Seats(["a"], 1, 30.0)
    got: list[str] = []

    def wait() -> None:
        with seats.take() as thing:
            got.append(thing)

    waiting = threading.Thread(target=wait)

    def fail() -> None:
        with seats.take():
            waiting.start()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    waiting.join(30)

    assert got == ["a"]
