"""A consumer that counts (boot, seq): what arrived, what came twice, and what is missing.

Run as a program it prints the account of what it hears as JSON, once a second:
    python -m tests.broker.ledger_consumer PORT TOPIC_FILTER
"""

import json
import sys
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from tests.broker.mosquitto import Listener  # noqa: E402 - after the path above


@dataclass
class Account:
    """What was heard of one (topic, boot)."""

    first_seen: list[int] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    duplicates: int = 0

    def note(self, sequence: int) -> None:
        if sequence in self.seen:
            self.duplicates += 1
        else:
            self.seen.add(sequence)
            self.first_seen.append(sequence)

    @property
    def missing(self) -> list[int]:
        """Numbers below the greatest that never came."""
        return sorted(set(range(max(self.seen, default=-1) + 1)) - self.seen)

    @property
    def is_in_order(self) -> bool:
        """Whether every number was first seen after all smaller ones."""
        return self.first_seen == sorted(self.first_seen)


class LedgerConsumer:
    """Listens, and keeps an account per topic and boot."""

    def __init__(self, port: int, topic: str = "edge/v1/#", client_id: str = "ledger") -> None:
        self.listener = Listener(port, topic, client_id)
        self._read = 0
        self._accounts: dict[tuple[str, str], Account] = defaultdict(Account)

    def accounts(self) -> dict[tuple[str, str], Account]:
        heard = self.listener.heard
        while self._read < len(heard):
            message = heard[self._read]
            self._read += 1
            user = message.user
            if "boot" in user and "seq" in user and not message.retain:
                self._accounts[message.topic, user["boot"]].note(int(user["seq"]))
        return self._accounts

    def total(self, suffix: str) -> int:
        """How many different messages came on topics with this ending."""
        found = self.accounts().items()
        return sum(len(account.seen) for (topic, _), account in found if topic.endswith(suffix))

    def close(self) -> None:
        self.listener.close()


def main(port: str, topic: str) -> None:
    consumer = LedgerConsumer(int(port), topic)
    pause = threading.Event()
    while not pause.wait(1.0):
        print(
            json.dumps(
                {
                    f"{name} {boot}": {
                        "received": len(account.seen),
                        "missing": account.missing[:20],
                        "duplicates": account.duplicates,
                    }
                    for (name, boot), account in sorted(consumer.accounts().items())
                }
            ),
            flush=True,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
