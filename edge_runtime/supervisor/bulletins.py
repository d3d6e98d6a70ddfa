"""The supervisor's own messages: health, info, source states, alerts; each with boot and number."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from edge_runtime.host.time_source import TimeSource, rfc3339
from edge_runtime.mqtt import topics
from edge_runtime.mqtt.outbox.gaps import Gap
from edge_runtime.records import Delivery, Message
from edge_runtime.supervisor.health import Numbers, Stamp, make_health, make_info
from edge_runtime.supervisor.health_payloads import (
    ALERT_SCHEMA,
    GAPS_SCHEMA,
    HEALTH_SCHEMA,
    INFO_SCHEMA,
    Alert,
    GapPart,
    Gaps,
    Health,
)
from edge_runtime.supervisor.supervised import Supervised

ALERT_EXPIRY_S = 86_400
SOURCE_SCHEMA = "text/1"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who speaks.

    Attributes:
        boot: Names this start of the daemon; (boot, sequence) tells messages apart per topic.
    """

    site: str
    device: str
    boot: str


class Bulletins:
    """Makes messages and numbers them; used by one thread."""

    def __init__(self, identity: Identity, time: TimeSource) -> None:
        self._identity = identity
        self._time = time
        self._started_monotonic_s = time.monotonic_s()
        self._started_at = rfc3339(time.wall_s())
        self._sequences: Counter[str] = Counter()

    def uptime_s(self) -> float:
        """Return the seconds since the daemon started."""
        return self._time.monotonic_s() - self._started_monotonic_s

    def health(
        self, why: tuple[str, ...], numbers: Numbers, expiry_s: int
    ) -> tuple[Message, Health]:
        """Return the health message, and the health in it."""
        stamp = self._stamp(topics.HEALTH)
        health = make_health(stamp, self.uptime_s(), why, numbers)
        payload = msgspec.json.encode(health)
        properties = _properties(HEALTH_SCHEMA, stamp)
        message = Message(
            topics.HEALTH, payload, Delivery.LIVE, expiry_s=expiry_s, properties=properties
        )
        return message, health

    def info(self, pipelines: Sequence[Supervised]) -> Message:
        """Return the birth certificate."""
        stamp = self._stamp(topics.INFO)
        identity = self._identity
        info = make_info(stamp, identity.site, identity.device, self._started_at, pipelines)
        return Message(
            topics.INFO,
            msgspec.json.encode(info),
            Delivery.LATEST,
            retain=True,
            properties=_properties(INFO_SCHEMA, stamp),
        )

    def source(self, pipeline: Supervised) -> Message:
        """Return the state of a pipeline's source."""
        topic = topics.pipeline_source(pipeline.name)
        return Message(
            topic,
            pipeline.source.value.encode(),
            Delivery.LATEST,
            retain=True,
            properties=_properties(SOURCE_SCHEMA, self._stamp(topic)),
        )

    def alert(self, kind: str, pipeline: str | None, text: str, *, is_over: bool) -> Message:
        """Return an alert, or its end."""
        stamp = self._stamp(topics.ALERT)
        alert = Alert(
            boot=stamp.boot,
            seq=stamp.sequence,
            ts=stamp.written_at,
            kind=kind,
            pipeline=pipeline,
            text=text,
            is_over=is_over,
        )
        return Message(
            topics.ALERT,
            msgspec.json.encode(alert),
            Delivery.ALL,
            expiry_s=ALERT_EXPIRY_S,
            properties=_properties(ALERT_SCHEMA, stamp),
        )

    def gaps(self, gaps: Sequence[Gap]) -> Message:
        """Return what subscribers will miss."""
        stamp = self._stamp(topics.GAPS)
        told = tuple(GapPart(g.topic, g.boot, g.first, g.last, g.reason) for g in gaps)
        payload = msgspec.json.encode(
            Gaps(boot=stamp.boot, seq=stamp.sequence, ts=stamp.written_at, gaps=told)
        )
        properties = _properties(GAPS_SCHEMA, stamp)
        return Message(topics.GAPS, payload, Delivery.ALL, properties=properties)

    def _stamp(self, topic: str) -> Stamp:
        sequence = self._sequences[topic]
        self._sequences[topic] += 1
        return Stamp(self._identity.boot, sequence, rfc3339(self._time.wall_s()))


def _properties(schema: str, stamp: Stamp) -> tuple[tuple[str, str], ...]:
    return (("schema", schema), ("boot", stamp.boot), ("seq", str(stamp.sequence)))
