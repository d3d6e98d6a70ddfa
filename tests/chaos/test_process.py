"""M4 to M6, T2, T4 and T6 against the whole daemon: its processes die, hang, starve and leak."""

import os
import random
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.broker.mosquitto import eventually
from tests.chaos import faults
from tests.chaos.conftest import Endure
from tests.chaos.invariants import violations
from tests.chaos.settings import SEED, STOPS
from tests.chaos.slopes import counts
from tests.chaos.stand import SETTLE_S, Stand

pytestmark = [pytest.mark.broker, pytest.mark.timeout(3600)]

Record = Callable[[str, object], None]


def test_m4_a_worker_that_dies_in_native_code_is_replaced(survive: Endure) -> None:
    survive(faults.M4_SEGFAULT, 0.5)


@pytest.mark.slow
def test_m5_a_worker_that_hangs_is_replaced(survive: Endure) -> None:
    survive(faults.M5_HANGS, 12.0)


def test_m6_a_worker_without_memory_is_replaced(stand: Stand, survive: Endure) -> None:
    (worker,) = stand.daemon.workers()
    supervisor = stand.daemon.process.pid

    assert score(worker) > score(supervisor)  # the kernel would take the worker, too
    survive(faults.M6_STARVED, 1.0)


def score(pid: int) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def test_t2_a_supervisor_that_stands_still_is_not_fed_for(
    stand: Stand, record_property: Record
) -> None:
    stand.settle()
    os.kill(stand.daemon.process.pid, signal.SIGSTOP)
    fed = fed_so_far(stand)
    threading.Event().wait(2.0)
    assert fed_so_far(stand) == fed

    os.kill(stand.daemon.process.pid, signal.SIGCONT)
    eventually(lambda: fed_so_far(stand) > fed, "fed again", SETTLE_S)

    assert violations(stand, stand.settle()) == []
    record_property("observed", "no WATCHDOG=1 while it stood still, and again afterwards")


def fed_so_far(stand: Stand) -> int:
    return stand.daemon.heard().count("WATCHDOG=1")


@pytest.mark.parametrize("stops", [2, pytest.param(STOPS, marks=pytest.mark.slow)])
def test_t4_a_stop_at_any_moment_is_in_good_order(
    tmp_path: Path, record_property: Record, stops: int
) -> None:
    rng = random.Random(SEED)
    with Stand(tmp_path) as stand:
        stand.start()
        for _ in range(stops):
            threading.Event().wait(rng.uniform(0.0, 1.0))
            assert stand.daemon.stop(10.0) == 0
            eventually(lambda: stand.consumer.texts("/status")[-1:] == ["stopped"], "the death")
            stand.restart()
            stand.wait_for_events(5)
        assert violations(stand, stand.settle()) == []
        boots = len({boot for _, boot in stand.consumer.accounts()})
        record_property("observed", f"{stops} stops, each exit 0 in 10 s; {boots} boots, none lost")


def test_t6_workers_that_come_and_go_leave_nothing_behind(
    stand: Stand, record_property: Record
) -> None:
    def round_of_life() -> None:
        before = stand.settle().pipelines[0].restarts
        for pid in stand.daemon.workers():
            os.kill(pid, signal.SIGKILL)
        stand.broker.kill()
        stand.start_broker()
        eventually(lambda: stand.settle().pipelines[0].restarts > before, "replaced", SETTLE_S)

    round_of_life()
    first = counts(stand.daemon.process.pid)
    for _ in range(3):
        round_of_life()
    last = counts(stand.daemon.process.pid)

    assert last.descriptors <= first.descriptors
    assert last.threads <= first.threads
    record_property("observed", f"3 rounds: {first} before, {last} after")
