"""The edge node put together: its session beside the device's own, and what it keeps."""

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from edge_runtime.config.structs import PipelineConfig, SparkplugConfig
from edge_runtime.errors import BundleError
from edge_runtime.host.time_source import TimeSource
from edge_runtime.models.described import Described, describe_pipeline
from edge_runtime.models.signature import ModelKey
from edge_runtime.mqtt.connection import Will
from edge_runtime.mqtt.exchange_parts import ExchangeSettings, Parts
from edge_runtime.mqtt.mailbox import Mailbox, Memory
from edge_runtime.mqtt.outbox.outbox import Outbox
from edge_runtime.mqtt.outbox.status import OutboxStatus
from edge_runtime.mqtt.session import Session, SessionSettings, SessionStatus
from edge_runtime.sparkplug.births import FILE_NAME, BirthCount
from edge_runtime.sparkplug.conversation import NodeParts, SparkplugConversation
from edge_runtime.sparkplug.feed import Feed
from edge_runtime.sparkplug.metrics import NODE_METRICS, device_metrics
from edge_runtime.sparkplug.names import Names
from edge_runtime.sparkplug.node import EdgeNode, node_death
from edge_runtime.supervisor.watchdog import Loop

logger = logging.getLogger(__name__)

MOST_LABELS = 100  # with a metric each, in every birth


@dataclass(frozen=True, slots=True)
class Sparkplug:
    """The session that speaks Sparkplug, and what feeds it."""

    session: Session
    outbox: Outbox
    feed: Feed

    def status(self) -> tuple[SessionStatus, OutboxStatus]:
        """Return the numbers for health."""
        return self.session.status(), self.outbox.status()

    def close(self) -> None:
        """Release all, once the session's thread has ended."""
        self.session.close()
        self.outbox.close()


def described(
    pipelines: Sequence[PipelineConfig], models: Path, key: ModelKey | None = None
) -> tuple[Described, ...]:
    """Return the pipelines; one whose model cannot be read has no metrics of predictions."""
    found = []
    for pipeline in pipelines:
        try:
            found.append(describe_pipeline(pipeline, models, MOST_LABELS, key))
        except (BundleError, OSError) as error:
            logger.warning("sparkplug: %s: %s", pipeline.name, error)
            found.append(Described(pipeline.name, None, pipeline.publish.events))
    return tuple(found)


def make_sparkplug(
    config: SparkplugConfig, pipelines: Sequence[Described], native: SessionSettings, parts: Parts,
    *, directory: Path, loop: Loop,
) -> Sparkplug:  # fmt: skip
    """Return what speaks Sparkplug, given how the device's own session behaves.

    A connection has one will, and the device's own says `offline`; hence another connection.
    The outbox in `parts` is that of Sparkplug's events; the directory keeps the count of births.
    """
    names = Names(config.group, config.node or native.broker.client_id)
    births = BirthCount(directory / FILE_NAME)
    devices = {pipeline.name: device_metrics(pipeline) for pipeline in pipelines}
    node = EdgeNode(names, devices, NODE_METRICS, with_aliases=config.aliases)
    feed = Feed(parts.outbox)
    own = NodeParts(names, node, births, feed)
    settings = _settings(native, _will_maker(names, births, parts.time))
    converse = partial(SparkplugConversation, own)
    mine = replace(parts, mailbox=Mailbox(), memory=Memory())
    session = Session(settings, mine, random.SystemRandom(), loop, converse)
    feed.wake = session.wake
    return Sparkplug(session, parts.outbox, feed)


def _settings(native: SessionSettings, will: Callable[[], Will]) -> SessionSettings:
    """Return the same broker with another client id; the session begins anew every time.

    Source: Sparkplug 3.0.0 specification, tck-id-principles-persistence-clean-session-50.
    """
    broker = replace(
        native.broker,
        client_id=f"{native.broker.client_id}-sparkplug",
        will=will,
        will_delay_s=0,
        session_expiry_s=0,
    )
    limits = native.exchange
    exchange = ExchangeSettings(
        answer_deadline_s=limits.answer_deadline_s,
        drain_s=limits.drain_s,
        death_deadline_s=limits.death_deadline_s,
    )
    return replace(native, broker=broker, exchange=exchange, name="sparkplug")


def _will_maker(names: Names, births: BirthCount, time: TimeSource) -> Callable[[], Will]:
    def make() -> Will:
        death = node_death(names, births.next(), round(time.wall_s() * 1000))
        return Will(death.topic, death.payload, after_goodbye=True)

    return make
