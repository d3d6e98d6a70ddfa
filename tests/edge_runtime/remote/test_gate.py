"""With a fleet key: for this device, this topic, this moment, once."""

from pathlib import Path

import msgspec
import pytest

from edge_runtime.keys import read_private_key, read_public_key
from edge_runtime.remote.commands import CommandError
from edge_runtime.remote.counters import CounterStore
from edge_runtime.remote.envelope import Statement, seal
from edge_runtime.remote.gate import Gate
from tests.edge_runtime.remote.keys import key_files


class Fleet:
    """A device's gate and the key that opens it; `now` is the device's wall clock."""

    def __init__(self, directory: Path) -> None:
        private, public = key_files(directory)
        self.now = 1000.0
        self._key = read_private_key(private)
        self._store = directory / "counters.json"
        self._public = read_public_key(public)
        self.restart()

    def restart(self) -> None:
        self.gate = Gate("pi", self._public, CounterStore(self._store), lambda: self.now)

    def signed(self, **changes: object) -> bytes:
        statement = Statement(
            issuer="ops",
            device="pi",
            verb="pause",
            counter=1,
            issued_at=1000.0,
            expires_at=1060.0,
            command=msgspec.Raw(b"{}"),
        )
        return seal(msgspec.structs.replace(statement, **changes), self._key)


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


def test_a_signed_command_passes_without_its_envelope(fleet: Fleet) -> None:
    assert fleet.gate.admit("pause", fleet.signed()) == b"{}"


def test_without_a_key_all_pass_and_with_one_the_harmless(fleet: Fleet, tmp_path: Path) -> None:
    open_gate = Gate("pi", None, CounterStore(tmp_path / "c"), lambda: 0.0)

    assert open_gate.admit("pause", b"{}") == b"{}"
    assert fleet.gate.admit("ping", b"{}") == b"{}"
    with pytest.raises(CommandError, match="signed commands only"):
        fleet.gate.admit("pause", b"{}")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"device": "pj"}, "signed for the device 'pj', not for this one"),
        ({"verb": "resume"}, "signed as 'resume', sent as 'pause'"),
        ({"expires_at": 1000.0}, "signed for 0 s"),
        ({"expires_at": 1000.0 + 8 * 86_400}, "allowed is up to 604800"),
    ],
)
def test_a_signature_for_something_else_is_refused(
    fleet: Fleet, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        fleet.gate.admit("pause", fleet.signed(**changes))


def test_n10_a_replay_is_refused_before_and_after_a_restart(fleet: Fleet) -> None:
    recorded = fleet.signed()
    fleet.gate.admit("pause", recorded)

    with pytest.raises(CommandError, match="is used"):
        fleet.gate.admit("pause", recorded)
    fleet.restart()
    with pytest.raises(CommandError, match="is used"):
        fleet.gate.admit("pause", recorded)


def test_n10_an_older_command_that_comes_late_is_refused(fleet: Fleet) -> None:
    fleet.gate.admit("pause", fleet.signed(counter=5))

    with pytest.raises(CommandError, match="counter 4 of 'ops' is used, the last one was 5"):
        fleet.gate.admit("pause", fleet.signed(counter=4))


def test_an_expired_command_is_refused(fleet: Fleet) -> None:
    fleet.now = 1300.0

    with pytest.raises(CommandError, match="expired 240 s ago"):
        fleet.gate.admit("pause", fleet.signed())


def test_t1_a_clock_that_fell_back_does_not_revive_what_expired(fleet: Fleet) -> None:
    fleet.gate.admit("pause", fleet.signed(counter=1, issued_at=5000.0, expires_at=5060.0))
    fleet.now = 0.0

    with pytest.raises(CommandError, match="expired"):
        fleet.gate.admit("pause", fleet.signed(counter=2, issued_at=4000.0, expires_at=4060.0))
