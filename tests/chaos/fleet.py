"""`make fleet`: 1,000 simulated devices and 20 daemons on one mosquitto; is what was sent received?

The simulated ones speak MQTT by hand on one selector: our topics, our payloads, numbered. All is
taken through a shared subscription of two members. Figures of a generator that was itself the
bottleneck say nothing of a broker: above 80 % of a core they are marked.
"""

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.broker.daemon import DaemonProcess
from tests.broker.ledger_consumer import LedgerConsumer
from tests.broker.mosquitto import Mosquitto, eventually
from tests.broker.test_kill import rows
from tests.chaos.simulated_device import SimulatedDevice

DEVICES = int(os.environ.get("DEVICES", "1000"))
DAEMONS = int(os.environ.get("DAEMONS", "20"))
SECONDS = float(os.environ.get("SECONDS", "60"))
RATE_HZ = float(os.environ.get("RATE_HZ", "1"))  # of each
DAEMON_RATE_HZ = 2.0
BUSY = 80.0  # percent of one core
GRACE_S = 120.0
READY_S = 300.0  # all of them start at once
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Load:
    """Processor time of a process between two looks."""

    pid: int
    cpu_s: float
    at_s: float

    @classmethod
    def of(cls, pid: int) -> "Load":
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks = int(words[11]) + int(words[12])
        return cls(pid, ticks / os.sysconf("SC_CLK_TCK"), time.monotonic())

    def percent_since(self, before: "Load") -> float:
        return 100.0 * (self.cpu_s - before.cpu_s) / (self.at_s - before.at_s)


class Generator:
    """All simulated devices on one selector."""

    def __init__(self, port: int) -> None:
        self._selector = selectors.DefaultSelector()
        self.devices = [SimulatedDevice(f"sim-{n}", port) for n in range(DEVICES)]
        for device in self.devices:
            self._selector.register(device.socket, selectors.EVENT_READ, device)

    def run(self, seconds: float) -> None:
        """Publish at the rate for so long, then wait for what is not yet acknowledged."""
        began_s = time.monotonic()
        published = 0
        while (passed_s := time.monotonic() - began_s) < seconds:
            due = int(passed_s * RATE_HZ * DEVICES)
            for number in range(published, due):
                self.devices[number % DEVICES].publish()
            published = due
            self._receive(0.01)
        until_s = time.monotonic() + GRACE_S
        while any(d.unacknowledged for d in self.devices) and time.monotonic() < until_s:
            self._receive(0.1)

    def wait_connected(self) -> None:
        until_s = time.monotonic() + GRACE_S
        while not all(d.is_connected for d in self.devices) and time.monotonic() < until_s:
            self._receive(0.1)

    def _receive(self, timeout_s: float) -> None:
        for key, _ in self._selector.select(timeout_s):
            key.data.receive()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        broker = Mosquitto(directory)
        broker.start()
        members = [
            LedgerConsumer(broker.port, "$share/fleet/edge/v1/+/+/p/+/event", f"member-{n}")
            for n in range(2)
        ]
        daemons = [_daemon(directory, broker.port, n) for n in range(DAEMONS)]
        try:
            for daemon in daemons:
                daemon.start()
            for daemon in daemons:
                daemon.wait_ready(READY_S)
            sys.exit(_measure(broker, members, daemons))
        finally:
            for daemon in daemons:
                daemon.close()
            for member in members:
                member.close()
            broker.kill()


def _daemon(directory: Path, port: int, number: int) -> DaemonProcess:
    place = directory / f"daemon-{number}"
    return DaemonProcess(place, port, device=f"pi-{number}", rate_hz=DAEMON_RATE_HZ)


def _measure(broker: Mosquitto, members: list[LedgerConsumer], daemons: list[DaemonProcess]) -> int:
    assert broker.process is not None
    generator = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.fleet", str(broker.port)], cwd=ROOT,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert generator.stdout is not None
    assert generator.stdout.readline() == "connected\n"
    watched = {"broker": broker.process.pid, "generator": generator.pid, "consumers": os.getpid()}
    before = {name: Load.of(pid) for name, pid in watched.items()}
    generator.stdout.readline()
    busy = {name: Load.of(pid).percent_since(before[name]) for name, pid in watched.items()}
    sent = json.loads(generator.stdout.readline())
    generator.wait(GRACE_S)
    for daemon in daemons:
        assert daemon.process is not None
        daemon.process.send_signal(signal.SIGTERM)
    codes = [daemon.process.wait(60) for daemon in daemons if daemon.process is not None]
    left = sum(len(rows(daemon.state / "outbox.db")) for daemon in daemons)
    print(f"{len(daemons)} daemons: exit codes {codes}, {left} events left in their outboxes")
    return _tell(members, sent, busy, is_good=not any(codes) and left == 0)


def _tell(
    members: list[LedgerConsumer], sent: dict[str, int], busy: dict[str, float], *, is_good: bool
) -> int:
    simulated = sum(sent.values())

    def received() -> dict[tuple[str, str], set[int]]:
        found: dict[tuple[str, str], set[int]] = {}
        for member in members:
            for key, account in member.accounts().items():
                found.setdefault(key, set()).update(account.seen)
        return found

    def of_simulated() -> int:
        return sum(len(seen) for (topic, _), seen in received().items() if "/sim-" in topic)

    def holes() -> int:
        return sum(max(seen) + 1 - len(seen) for seen in received().values())

    try:
        eventually(lambda: of_simulated() == simulated and holes() == 0, "all received", GRACE_S)
    except AssertionError:
        print("not everything was received")
    of_daemons = sum(len(seen) for (topic, _), seen in received().items() if "/pi-" in topic)
    print(f"{len(sent)} simulated devices: sent {simulated}, received {of_simulated()}")
    print(f"{DAEMONS} daemons: received {of_daemons}, {holes()} numbers missing")
    print("CPU of one core: " + ", ".join(f"{name} {share:.0f} %" for name, share in busy.items()))
    if busy["generator"] > BUSY:
        print(f"the generator was above {BUSY:.0f} %: these figures say nothing of the broker's")
    is_good = is_good and of_simulated() == simulated and holes() == 0
    print(f"{int(is_good)} passed, {int(not is_good)} failed")
    return 0 if is_good else 1


def generate(port: int) -> None:
    """Be the generator's process: three lines on stdout, the last one what was sent."""
    generator = Generator(port)
    generator.wait_connected()
    print("connected", flush=True)
    generator.run(SECONDS)
    print("done", flush=True)
    print(json.dumps({d.name: d.sent for d in generator.devices}), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        generate(int(sys.argv[1]))
    else:
        main()
