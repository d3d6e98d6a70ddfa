"""A fault as a value, and the one way in which every fault is endured and judged."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from edge_runtime.supervisor.health_payloads import Health
from tests.chaos.invariants import violations
from tests.chaos.stand import SETTLE_S, Stand

Act: TypeAlias = Callable[[Stand], None]
SHOWN_WITHIN = 3  # health messages: the one on its way, and two periods


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and how it ends.

    Attributes:
        row: In the catalogue.
        is_shown: Whether health names it, from the health before and one after the fault; an alert
            that names it counts as well.
        alert: Kind of the alert that tells of it, None where there is none.
        healthy_within_s: After `heal`, without a human.
    """

    row: str
    inject: Act
    heal: Act
    is_shown: Callable[[Health, Health], bool] = lambda _before, _now: False
    alert: str | None = None
    healthy_within_s: float = SETTLE_S


def endure(stand: Stand, fault: Fault, lasts_s: float) -> str:
    """Put a fault in for so long, take it out, and check every invariant; return what was seen."""
    before = stand.settle()
    alerts, events = _alerts(stand, fault), stand.events()
    told = len(stand.consumer.texts("/health"))
    fault.inject(stand)
    threading.Event().wait(lasts_s)
    fault.heal(stand)
    began_s = time.monotonic()
    health = stand.settle(fault.healthy_within_s)
    took_s = time.monotonic() - began_s
    stand.wait_for_events(10)
    after = stand.healths()[told:]
    broken = violations(stand, stand.settle())
    named = next((n for n, now in enumerate(after, 1) if fault.is_shown(before, now)), None)
    is_told = _alerts(stand, fault) > alerts
    if not is_told and (named is None or named > SHOWN_WITHIN + lasts_s):
        broken.append(f"I6 not shown in {len(after)} health messages, no alert {fault.alert}")
    assert broken == [], f"{fault.row}: {broken}"
    assert health.status == "online"
    return f"healthy {took_s:.1f} s after it ended, {stand.events() - events} events, none lost"


def _alerts(stand: Stand, fault: Fault) -> int:
    if fault.alert is None:
        return 0
    return sum(f'"kind":"{fault.alert}"' in text for text in stand.consumer.texts("/alert"))
