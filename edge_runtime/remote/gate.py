"""Who may have what done: with a fleet key, what changes a state has to be signed with it.

What is checked, in this order: signature, device, topic, life, counter; nothing is acted on before
the counter is on disk.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from edge_runtime.remote.commands import CommandError
from edge_runtime.remote.counters import CounterStore
from edge_runtime.remote.envelope import MAX_LIFE_S, Statement, unseal

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

HARMLESS = frozenset({"ping"})
CLOCK_SLACK_S = 120.0  # between the issuer's clock and ours


class Gate:
    """Lets a payload through, out of its envelope where it has to be in one."""

    def __init__(
        self,
        device: str,
        key: "Ed25519PublicKey | None",
        counters: CounterStore,
        wall_s: Callable[[], float],
    ) -> None:
        self._device = device
        self._key = key
        self._counters = counters
        self._wall_s = wall_s

    def admit(self, verb: str, payload: bytes) -> bytes:
        """Return the command's own payload.

        Raises:
            CommandError: It has to be signed and is not, or not for this device and moment.
        """
        if self._key is None or verb in HARMLESS:
            return payload
        statement = unseal(payload, self._key)
        self._check(statement, verb)
        self._counters.advance(statement.issuer, statement.counter, statement.issued_at)
        return bytes(statement.command)

    def _check(self, statement: Statement, verb: str) -> None:
        if statement.device != self._device:
            raise CommandError(f"signed for the device {statement.device!r}, not for this one")
        if statement.verb != verb:
            raise CommandError(f"signed as {statement.verb!r}, sent as {verb!r}")
        life_s = statement.expires_at - statement.issued_at
        if not 0.0 < life_s <= MAX_LIFE_S:
            raise CommandError(f"signed for {life_s:g} s, allowed is up to {MAX_LIFE_S:g}")
        # A clock that a battery-less board lost is at least where the last command saw it.
        now = max(self._wall_s(), self._counters.seen_at)
        if now > statement.expires_at + CLOCK_SLACK_S:
            raise CommandError(f"expired {now - statement.expires_at:.0f} s ago")
