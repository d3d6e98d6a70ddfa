"""Workers that die, hang, freeze or refuse: restarted, counted, their numbers continued."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping

import pytest

from edge_runtime.link import Pace, SourceState
from edge_runtime.mqtt.backoff import BackoffSettings
from edge_runtime.supervisor.supervised import Patience, Supervised, WorkerPlan, WorkerState
from tests.edge_runtime.fake_workers import FakeSettings, fake_worker

QUICK = Patience(
    start_s=20.0,
    heartbeat_s=1.0,
    progress_s=1.0,
    permanent_retry_s=30.0,
    backoff=BackoffSettings(first_s=0.05, max_s=0.2, stable_s=60.0),
)


class Bench:
    """Turns one pipeline as the supervisor would."""

    def __init__(self, behaviour: str, patience: Patience = QUICK, name: str = "door") -> None:
        self.awake = threading.Event()
        self.sequences: list[int] = []
        plan = WorkerPlan(
            name,
            fake_worker,
            lambda first: FakeSettings(name, behaviour, dict(first)),
        )
        rng = random.Random(5)
        self.pipeline = Supervised(plan, patience, rng, time.monotonic, self.awake.set)

    def turn_until(self, holds: Callable[[], object], deadline_s: float = 30.0) -> None:
        end = time.monotonic() + deadline_s
        while not holds():
            assert time.monotonic() < end, (self.pipeline.state, self.pipeline.failure)
            self.pipeline.turn()
            self._collect()
            self.awake.wait(0.02)
            self.awake.clear()

    def end(self) -> None:
        self.pipeline.begin_stop()
        self.pipeline.kill()
        while not self.pipeline.is_over():
            self.awake.wait(0.02)
        self._collect()

    def _collect(self) -> None:
        while self.pipeline.outgoing:
            self.sequences.append(self.pipeline.outgoing.popleft().sequence)


@pytest.fixture
def make() -> Iterator[Callable[..., Bench]]:
    benches: list[Bench] = []

    def build(*arguments: object) -> Bench:
        benches.append(Bench(*arguments))
        return benches[-1]

    yield build
    for bench in benches:
        bench.end()


def test_a_good_worker_runs_and_its_messages_arrive_in_order(make: Callable[..., Bench]) -> None:
    bench = make("good")

    bench.turn_until(lambda: len(bench.sequences) >= 10)

    assert bench.sequences[:10] == list(range(10))
    assert bench.pipeline.state is WorkerState.RUNNING
    assert bench.pipeline.source is SourceState.ONLINE
    assert bench.pipeline.ready.model == "fake"
    assert bench.pipeline.has_verdict
    assert bench.pipeline.restarts == 0


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        ("segfaults", "worker ended (signal 11)"),
        ("falls_silent", "no heartbeat"),
        ("freezes", "no heartbeat"),
        ("stands_still", "inference stands still"),
        ("gives_up", "the sensor is gone"),
    ],
)
def test_m4_m5_a_bad_worker_is_replaced_and_the_numbers_go_on(
    make: Callable[..., Bench], behaviour: str, why: str
) -> None:
    bench = make(behaviour)
    bench.turn_until(lambda: bench.pipeline.restarts == 1)
    assert bench.pipeline.failure.why == why
    assert bench.pipeline.state is WorkerState.RESTARTING
    assert bench.pipeline.source is SourceState.OFFLINE
    seen = len(bench.sequences)

    bench.turn_until(lambda: len(bench.sequences) > seen + 2)

    assert bench.sequences == list(range(len(bench.sequences)))
    assert bench.pipeline.ledger.totals().gaps == 0
    assert bench.pipeline.failure is None


def test_m4_a_dead_worker_is_back_within_two_seconds(make: Callable[..., Bench]) -> None:
    bench = make("segfaults", Patience())
    bench.turn_until(lambda: bench.pipeline.restarts == 1)
    died_s = time.monotonic()

    bench.turn_until(lambda: bench.pipeline.pid is not None)

    assert time.monotonic() - died_s < 2.0


def test_a_refused_model_is_tried_again_slowly(make: Callable[..., Bench]) -> None:
    bench = make("refuses")

    bench.turn_until(lambda: bench.pipeline.state is WorkerState.FAILED)

    assert bench.pipeline.is_hopeless_from_the_start()
    assert bench.pipeline.has_verdict
    assert bench.pipeline.failure.why == "model broken@1: SHA-256 differs"
    bench.pipeline.turn()
    assert bench.pipeline.pid is None


def test_a_worker_that_is_never_ready_is_replaced(make: Callable[..., Bench]) -> None:
    bench = make("never_ready", Patience(start_s=1.0, backoff=QUICK.backoff))

    bench.turn_until(lambda: bench.pipeline.restarts == 1)

    assert bench.pipeline.failure.why == "not ready in time"
    assert not bench.pipeline.has_verdict


def test_a_recording_that_ends_is_not_replayed(make: Callable[..., Bench]) -> None:
    bench = make("finishes")

    bench.turn_until(bench.pipeline.is_finished)

    bench.turn_until(lambda: bench.pipeline.state is WorkerState.FINISHED)
    assert bench.pipeline.restarts == 0


def test_a_pause_holds_and_outlives_the_worker(make: Callable[..., Bench]) -> None:
    bench = make("good")
    bench.turn_until(lambda: bench.pipeline.ready is not None)

    assert bench.pipeline.pause()
    bench.turn_until(lambda: bench.pipeline.source is SourceState.DISABLED)
    bench.pipeline.kill()
    bench.turn_until(lambda: bench.pipeline.restarts == 1)
    bench.turn_until(lambda: bench.pipeline.source is SourceState.DISABLED)

    assert bench.pipeline.resume()
    bench.turn_until(lambda: bench.pipeline.source is SourceState.ONLINE)


def test_commands_to_a_worker_that_is_not_ready_wait_for_it(make: Callable[..., Bench]) -> None:
    bench = make("good")

    assert not bench.pipeline.set_threshold(0.5)
    assert not bench.pipeline.pause()

    bench.turn_until(lambda: bench.pipeline.source is SourceState.DISABLED)


def test_a_stop_takes_in_what_the_worker_still_says(make: Callable[..., Bench]) -> None:
    bench = make("good")
    bench.turn_until(lambda: len(bench.sequences) >= 3)

    bench.pipeline.begin_stop()
    end = time.monotonic() + 20
    while not bench.pipeline.is_over():
        assert time.monotonic() < end
        bench.awake.wait(0.02)

    last = bench.pipeline.outgoing[-1]
    assert last.message.payload == b'{"last":true}'
    assert bench.pipeline.pid is None


def test_the_books_balance_over_restarts(make: Callable[..., Bench]) -> None:
    bench = make("segfaults")

    bench.turn_until(lambda: bench.pipeline.restarts == 2)

    totals = bench.pipeline.ledger.totals()
    assert totals.captured == totals.inferred + totals.in_flight + totals.dropped.total()
    assert totals.dropped["worker_died"] == 2


def test_the_other_model_runs_in_a_fresh_worker_and_numbers_go_on() -> None:
    awake, started = threading.Event(), []

    def settings(which: str) -> Callable[[Mapping[str, int]], FakeSettings]:
        def make(first: Mapping[str, int]) -> FakeSettings:
            started.append(which)
            return FakeSettings("door", "good", dict(first))

        return make

    bench = Bench("good")
    plan = WorkerPlan("door", fake_worker, settings("large"), settings("small"))
    bench.pipeline = Supervised(plan, QUICK, random.Random(5), time.monotonic, awake.set)
    try:
        bench.turn_until(lambda: len(bench.sequences) >= 5)
        bench.pipeline.restrain(Pace(), is_small=True)
        bench.turn_until(lambda: started == ["large", "small"])
        seen = len(bench.sequences)
        bench.turn_until(lambda: len(bench.sequences) >= seen + 5)
        bench.pipeline.restrain(Pace(), is_small=False)
        bench.turn_until(lambda: len(started) == 3 and bench.pipeline.ready)
    finally:
        bench.end()

    assert started == ["large", "small", "large"]
    assert bench.sequences == list(range(len(bench.sequences)))
    assert (bench.pipeline.restarts, bench.pipeline.model_switches) == (0, 2)
    assert bench.pipeline.failure is None


def test_a_worker_that_will_not_end_for_the_other_model_is_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge_runtime.supervisor.supervised.SWITCH_WITHIN_S", 0.3)
    bench = Bench("ignores_stop")
    plan = WorkerPlan(
        "door",
        fake_worker,
        lambda first: FakeSettings("door", "ignores_stop", dict(first)),
        lambda first: FakeSettings("door", "good", dict(first)),
    )
    bench.pipeline = Supervised(plan, QUICK, random.Random(5), time.monotonic, bench.awake.set)
    try:
        bench.turn_until(
            lambda: bench.pipeline.heartbeat and bench.pipeline.heartbeat.infer_progress >= 5
        )
        bench.pipeline.restrain(Pace(), is_small=True)
        bench.turn_until(lambda: bench.pipeline.restarts == 1 and bench.pipeline.ready)
    finally:
        bench.end()

    assert bench.pipeline.model_switches == 1
