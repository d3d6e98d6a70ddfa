"""Pauses: full jitter, doubling, forgotten only after a stable while."""

import random

from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.mqtt.backoff import Backoff, BackoffSettings

SETTINGS = BackoffSettings(first_s=1.0, max_s=120.0, stable_s=60.0)


@given(st.integers(0, 2**32), st.integers(1, 60))
def test_a_pause_is_never_shorter_than_the_first_nor_longer_than_the_greatest(
    seed: int, failures: int
) -> None:
    backoff = Backoff(SETTINGS, random.Random(seed))

    pauses = [backoff.failed(0.0) for _ in range(failures)]

    assert all(1.0 <= pause <= 120.0 for pause in pauses)
    assert pauses[0] <= 2.0


def test_the_ceiling_doubles() -> None:
    means = []
    for failures in range(1, 7):
        drawn = []
        for seed in range(300):
            backoff = Backoff(SETTINGS, random.Random(seed))
            drawn.append([backoff.failed(0.0) for _ in range(failures)][-1])
        means.append(sum(drawn) / len(drawn))

    assert means == sorted(means)
    assert means[-1] > 25


def test_a_short_success_does_not_reset_it_and_a_long_one_does() -> None:
    backoff = Backoff(SETTINGS, random.Random(1))
    for _ in range(10):
        backoff.failed(0.0)

    backoff.succeeded(100.0)
    after_short = [backoff.failed(159.0)]
    backoff.succeeded(200.0)
    after_long = backoff.failed(260.0)

    assert after_long <= 2.0
    assert backoff._failures == 1
    assert after_short[0] > 0


def test_two_devices_do_not_return_together() -> None:
    first, second = (Backoff(SETTINGS, random.Random(seed)) for seed in (1, 2))

    assert [first.failed(0) for _ in range(3)] != [second.failed(0) for _ in range(3)]
