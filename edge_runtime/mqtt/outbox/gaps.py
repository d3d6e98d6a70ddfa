"""What a subscriber will miss: ranges of sequence numbers that were given up, and why.

With them every hole in a topic's numbers has its explanation; counters alone say only how many.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import msgspec

from edge_runtime.records import Delivery, Message


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers `first` to `last` of a topic in one boot that no one will get.

    Attributes:
        topic: Below the device's root.
    """

    topic: str
    boot: str
    first: int
    last: int
    reason: str


def gap_of(reason: str, topic: str, properties: Iterable[tuple[str, str]]) -> Gap | None:
    """Return the gap that one message leaves, None for one that carries no number."""
    marks = dict(properties)
    number = marks.get("seq", "")
    if not number.isdigit():
        return None
    return Gap(topic, marks.get("boot", ""), int(number), int(number), reason)


def gap_of_message(reason: str, message: Message) -> Gap | None:
    """Return the gap that a message leaves; a state leaves none, a newer one says all."""
    if message.delivery is not Delivery.ALL:
        return None
    return gap_of(reason, message.topic, message.properties)


def gap_of_record(reason: str, topic: str, properties: bytes) -> Gap | None:
    """Return the same for a row's columns; damaged ones tell of none."""
    try:
        pairs = msgspec.json.decode(properties, type=tuple[tuple[str, str], ...])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return gap_of(reason, topic, pairs)


def joined(gaps: Iterable[Gap]) -> list[Gap]:
    """Return the gaps with those that touch made one, in order."""
    result: list[Gap] = []
    for gap in sorted(gaps, key=lambda gap: (gap.topic, gap.boot, gap.reason, gap.first)):
        before = result[-1] if result else None
        if before is not None and _touches(before, gap):
            result[-1] = replace(before, last=max(before.last, gap.last))
        else:
            result.append(gap)
    return result


def _touches(before: Gap, gap: Gap) -> bool:
    is_same = (before.topic, before.boot, before.reason) == (gap.topic, gap.boot, gap.reason)
    return is_same and gap.first <= before.last + 1
