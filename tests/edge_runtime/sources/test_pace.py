"""The rhythm of asking, on a clock of the test's own."""

from edge_runtime.sources.pace import MOMENT_S, Pace


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def turns(pace: Pace, clock: Clock, count: int) -> list[float]:
    found = []
    while len(found) < count:
        if pace.has_come():
            found.append(round(clock.now_s - 100.0, 6))
    return found


def test_the_first_turn_is_now_and_the_others_do_not_drift() -> None:
    clock = Clock()

    assert turns(Pace(0.5, clock, clock.sleep), clock, 4) == [0.0, 0.5, 1.0, 1.5]


def test_a_long_pause_is_waited_for_a_moment_at_a_time() -> None:
    clock = Clock()
    pace = Pace(10.0, clock, clock.sleep)
    assert pace.has_come()

    assert not pace.has_come()

    assert clock.now_s == 100.0 + MOMENT_S


def test_missed_turns_are_left_out() -> None:
    clock = Clock()
    pace = Pace(1.0, clock, clock.sleep)
    assert pace.has_come()
    clock.now_s += 5.3

    assert turns(pace, clock, 3) == [5.3, 5.3, 6.3]
