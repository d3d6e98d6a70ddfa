"""kill -9 of the daemon and of the broker while it publishes: no committed event is lost.

The consumer counts (boot, seq). What the outbox held at each kill of the daemon was committed:
every such event must have been received in the end, or still be in the outbox.
"""

import json
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.broker.daemon import DaemonProcess
from tests.broker.ledger_consumer import LedgerConsumer
from tests.broker.mosquitto import Mosquitto, eventually
from tests.chaos.settings import BROKER_KILLS, KILLS, SEED

pytestmark = pytest.mark.broker

SHORT = 3


def kill_and_count(tmp_path: Path, daemons: int, brokers: int) -> dict[str, int]:
    """Kill daemon and broker so often, at random moments; return the account."""
    rng = random.Random(SEED)
    pause = threading.Event()
    broker = Mosquitto(tmp_path)
    broker.start()
    consumer = LedgerConsumer(broker.port)
    daemon = DaemonProcess(tmp_path / "daemon", broker.port, rate_hz=100.0)
    committed: set[tuple[str, int]] = set()
    victims = ["daemon"] * daemons + ["broker"] * brokers
    rng.shuffle(victims)
    daemon.start().wait_ready()
    try:
        for victim in victims:
            before = consumer.total("/event")
            eventually(lambda before=before: consumer.total("/event") >= before + 20, "events")
            pause.wait(rng.uniform(0.0, 0.5))
            if victim == "broker":
                broker.kill()
                pause.wait(rng.uniform(0.2, 1.0))  # meanwhile the outbox fills
                if rng.random() < 0.5:  # the daemon dies while the broker is away, too
                    daemon.kill()
                    committed |= rows(daemon.state / "outbox.db")
                    daemon.forget_broken_starts()
                    daemon.notified.clear()
                    daemon.start().wait_ready()
                broker.start()
            else:
                daemon.kill()
                committed |= rows(daemon.state / "outbox.db")
                daemon.forget_broken_starts()
                daemon.notified.clear()
                daemon.start().wait_ready()
        before = consumer.total("/event")
        eventually(lambda: consumer.total("/event") >= before + 20, "events after the last kill")
        code = daemon.stop()
        eventually(lambda: consumer.texts("/status")[-1:] == ["stopped"], "the death")
        left = rows(daemon.state / "outbox.db")
        return tally(consumer, committed, left) | {"exit_code": code}
    finally:
        daemon.close()
        consumer.close()
        broker.kill()


def tally(
    consumer: LedgerConsumer, committed: set[tuple[str, int]], left: set[tuple[str, int]]
) -> dict[str, int]:
    """What the consumer counted, against what the outbox had committed and what it still holds."""
    accounts = {key: account for key, account in consumer.accounts().items() if "/event" in key[0]}
    received = {(boot, number) for (_, boot), a in accounts.items() for number in a.seen}
    return {
        "received": len(received),
        "committed_at_a_kill": len(committed),
        "lost": len(committed - received - left),
        "missing": sum(len(account.missing) for account in accounts.values()),
        "out_of_order": sum(not account.is_in_order for account in accounts.values()),
        "duplicates": sum(account.duplicates for account in accounts.values()),
        "boots": len(accounts),
        "left": len(left),
    }


def rows(path: Path) -> set[tuple[str, int]]:
    """The (boot, seq) of the events that the outbox holds, read as a new process would."""
    connection = sqlite3.connect(path)
    try:
        query = "SELECT properties FROM message WHERE topic LIKE '%/event'"
        found = [dict(pairs) for pairs in map(_pairs, connection.execute(query))]
        return {(user["boot"], int(user["seq"])) for user in found}
    finally:
        connection.close()


def _pairs(record: tuple[bytes]) -> list[tuple[str, str]]:
    return json.loads(record[0])


@pytest.mark.timeout(240)
def test_n2_d3_no_committed_event_is_lost_by_kills_of_daemon_and_broker(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    record_property("observed", _nothing_is_lost(kill_and_count(tmp_path, SHORT, SHORT)))


@pytest.mark.slow
@pytest.mark.timeout(6 * 3600)
def test_n2_d3_no_committed_event_is_lost_by_hundreds_of_kills(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    began_s = time.monotonic()
    account = kill_and_count(tmp_path, KILLS, BROKER_KILLS)
    took_s = time.monotonic() - began_s
    text = f"{KILLS} kills of the daemon, {BROKER_KILLS} of the broker in {took_s:.0f} s: "
    print(text, account)  # make kill-test shows it
    record_property("observed", text + _nothing_is_lost(account))


def _nothing_is_lost(account: dict[str, int]) -> str:
    assert account["lost"] == 0, account
    assert account["missing"] == 0, account
    assert account["out_of_order"] == 0, account
    assert account["exit_code"] == 0, account
    return ", ".join(f"{name} {number}" for name, number in account.items())
