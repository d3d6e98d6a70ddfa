"""Fixtures: a broker of our own, a listener, and a session on a thread of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.broker.mosquitto import Listener, Mosquitto
from tests.broker.rig import Rig
from tests.payloads import check_payloads


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running mosquitto without accounts."""
    mosquitto = Mosquitto(tmp_path)
    mosquitto.start()
    yield mosquitto
    mosquitto.kill()


@pytest.fixture
def listener(request: pytest.FixtureRequest, broker: Mosquitto) -> Iterator[Listener]:
    """A subscriber to everything; what it heard from a daemon is what docs/schemas says."""
    subscriber = Listener(broker.port)
    yield subscriber
    subscriber.close()
    if "make_rig" not in request.fixturenames:  # whose messages are made up
        check_payloads((heard.topic, heard.payload) for heard in list(subscriber.heard))


@pytest.fixture
def make_rig(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    """Make sessions with quick back-off; all are stopped at the end."""
    rigs: list[Rig] = []

    def make(port: int, **changes: object) -> Rig:
        rig = Rig(tmp_path / f"outbox-{len(rigs)}.db", port, **changes)
        rigs.append(rig)
        return rig

    yield make
    for rig in rigs:
        rig.stop()
