"""sd_notify, and a watchdog that is fed only while every loop keeps its promise."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_runtime.supervisor.watchdog import Loop, Notifier, Watchdog


class Systemd:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.setblocking(False)

    def heard(self) -> list[str]:
        texts = []
        while True:
            try:
                texts.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return texts


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    end = Systemd(str(tmp_path / "n"))
    yield end
    end.socket.close()


@pytest.fixture
def notifier(systemd: Systemd) -> Iterator[Notifier]:
    made = Notifier(systemd.socket.getsockname())
    yield made
    made.close()


def test_every_word_of_the_protocol_is_said(systemd: Systemd, notifier: Notifier) -> None:
    notifier.ready()
    notifier.describe("two\nlines")
    notifier.alive()
    notifier.stopping()

    assert systemd.heard() == ["READY=1", "STATUS=two lines", "WATCHDOG=1", "STOPPING=1"]


def test_an_abstract_address_is_understood() -> None:
    systemd = Systemd("\0edge-runtime-test-notify")
    notifier = Notifier("@edge-runtime-test-notify")
    notifier.ready()
    assert systemd.heard() == ["READY=1"]
    notifier.close()
    systemd.socket.close()


@pytest.mark.parametrize("address", [None, "/nobody/listens"])
def test_without_systemd_nothing_happens(address: str | None) -> None:
    notifier = Notifier(address)
    notifier.ready()
    notifier.close()


@pytest.mark.parametrize("frozen", ["supervisor", "mqtt"])
def test_t2_feeding_stops_when_any_loop_breaks_its_promise(
    systemd: Systemd, notifier: Notifier, frozen: str
) -> None:
    now = [0.0]
    loops = tuple(Loop(name, lambda: now[0]) for name in ("supervisor", "mqtt"))
    watchdog = Watchdog(notifier, loops, 30.0, lambda: now[0])
    fed_at = []
    for second in range(60):
        now[0] = float(second)
        for loop in loops:
            if loop.name != frozen or second < 20:
                loop.beat(5.0)
        watchdog.feed()
        fed_at += [second] * systemd.heard().count("WATCHDOG=1")

    assert fed_at[:3] == [0, 10, 20]
    assert max(fed_at) < 25


def test_a_loop_that_rests_is_not_missed() -> None:
    now = [0.0]
    loop = Loop("mqtt", lambda: now[0])
    loop.beat(1.0)
    now[0] = 5.0
    assert loop.is_late()

    loop.rest()

    assert not loop.is_late()


def test_without_a_limit_nothing_is_fed(systemd: Systemd, notifier: Notifier) -> None:
    Watchdog(notifier, (), None, lambda: 0.0).feed()

    assert systemd.heard() == []
