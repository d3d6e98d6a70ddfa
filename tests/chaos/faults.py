"""The faults that a running daemon has to endure, one after the other; the soak draws from them."""

import os
import resource
import signal
from pathlib import Path

from edge_runtime.supervisor.health_payloads import Health
from tests.chaos.fault import Act, Fault
from tests.chaos.stand import Stand

SPARE_BYTES = 32 << 20  # enough for a thread of the supervisor, not for an engine


def _set(**link: float | bool) -> Act:
    def inject(stand: Stand) -> None:
        for name, value in link.items():
            setattr(stand.link, name, value)

    return inject


def _heal_link(stand: Stand) -> None:
    stand.link.heal()


def _signal_broker(number: int) -> Act:
    def inject(stand: Stand) -> None:
        assert stand.broker.process is not None
        os.kill(stand.broker.process.pid, number)

    return inject


def _signal_worker(number: int) -> Act:
    def inject(stand: Stand) -> None:
        for pid in stand.daemon.workers():
            os.kill(pid, number)

    return inject


def _take_memory_away(stand: Stand) -> None:
    """Leave a new worker no room for an engine; it inherits the supervisor's limit."""
    assert stand.daemon.process is not None
    pid = stand.daemon.process.pid
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + SPARE_BYTES
    _, hard = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, (most, hard))
    _signal_worker(signal.SIGKILL)(stand)


def _give_memory_back(stand: Stand) -> None:
    """Lift the limit, for a worker too that came up with just enough and inherited it."""
    assert stand.daemon.process is not None
    for pid in (stand.daemon.process.pid, *stand.daemon.workers()):
        _, hard = resource.prlimit(pid, resource.RLIMIT_AS)
        resource.prlimit(pid, resource.RLIMIT_AS, (hard, hard))


def _nothing(_stand: Stand) -> None:
    """It heals by itself."""


def _has_reconnected(before: Health, now: Health) -> bool:
    return now.mqtt.reconnects_1h > before.mqtt.reconnects_1h


def _has_waited(before: Health, now: Health) -> bool:
    """Slowness shows as what waits, or as the time that a PUBACK takes."""
    slow_ms = 30.0
    return now.mqtt.queued > before.mqtt.queued or (now.mqtt.puback_ms.p99 or 0.0) > slow_ms


def _has_restarted(before: Health, now: Health) -> bool:
    return now.pipelines[0].restarts > before.pipelines[0].restarts


N2_BROKER_KILLED = Fault(
    "N2", lambda stand: stand.broker.kill(), lambda stand: stand.start_broker(), _has_reconnected
)
N3_DELAYS_S = {"50ms": 0.05, "200ms": 0.2, "1000ms": 1.0}
N3_SLOW = {
    name: Fault("N3", _set(delay_s=delay_s), _heal_link, _has_waited)
    for name, delay_s in N3_DELAYS_S.items()
}
N3_NARROW = Fault("N3", _set(bytes_per_s=2000), _heal_link, lambda a, b: _has_waited(a, b)
                  or _has_reconnected(a, b))  # fmt: skip
N3_CUT = Fault("N3", _set(is_cut=True), _heal_link, _has_reconnected)
N4_FROZEN_LINK = Fault("N4", _set(is_frozen=True), _heal_link, _has_reconnected)
N4_FROZEN_BROKER = Fault(
    "N4", _signal_broker(signal.SIGSTOP), _signal_broker(signal.SIGCONT), _has_reconnected
)
M4_SEGFAULT = Fault(
    "M4", _signal_worker(signal.SIGSEGV), _nothing, _has_restarted, alert="worker_lost"
)
M4_KILLED = Fault(
    "M4", _signal_worker(signal.SIGKILL), _nothing, _has_restarted, alert="worker_lost"
)
M5_HANGS = Fault(
    "M5", _signal_worker(signal.SIGSTOP), _nothing, _has_restarted, alert="worker_lost"
)
M6_STARVED = Fault("M6", _take_memory_away, _give_memory_back, _has_restarted, alert="worker_lost")
