"""A backlog goes at its rate, after its delay."""

from edge_runtime.mqtt.pacing import Pacer


def sent_within(pacer: Pacer, start_s: float, seconds: float, step_s: float = 0.01) -> int:
    count = 0
    for step in range(round(seconds / step_s)):
        while pacer.may_send(start_s + step * step_s) and count < 10_000:
            pacer.sent()
            count += 1
    return count


def test_the_rate_is_kept() -> None:
    assert abs(sent_within(Pacer(50.0, 0.0), 0.0, 10.0) - 500) <= 1


def test_a_pause_saves_up_a_second_at_most() -> None:
    pacer = Pacer(50.0, 0.0)
    pacer.may_send(100.0)

    assert sent_within(pacer, 100.0, 0.01) <= 51


def test_nothing_goes_before_the_delay_is_over() -> None:
    pacer = Pacer(0.0, 5.0)

    assert not pacer.may_send(4.99)
    assert pacer.may_send(5.0)


def test_without_a_rate_nothing_is_held_back() -> None:
    assert sent_within(Pacer(0.0, 0.0), 0.0, 0.01) == 10_000
