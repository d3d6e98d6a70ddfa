"""The loop over all pipelines: workers in, messages to the outbox, health out, order at the end."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge_runtime.home_assistant.introducer import Introducer
from edge_runtime.host.time_source import TimeSource
from edge_runtime.link import Outgoing
from edge_runtime.mqtt.outbox.gaps import Gap
from edge_runtime.records import Delivery, Message
from edge_runtime.remote.desk import CommandDesk
from edge_runtime.sparkplug.feed import Feed
from edge_runtime.supervisor.board import Board
from edge_runtime.supervisor.host_watch import HostWatch
from edge_runtime.supervisor.ledger import DIED
from edge_runtime.supervisor.outlet import Outlet
from edge_runtime.supervisor.pulse import Pulse
from edge_runtime.supervisor.reporter import Reporter
from edge_runtime.supervisor.supervised import Supervised
from edge_runtime.supervisor.watchdog import Loop, Notifier, Watchdog

logger = logging.getLogger(__name__)

TURN_S = 0.5
TURN_MAY_TAKE_S = 15.0
STOP_WORKERS_S = 4.0
MESSAGES_PER_TURN = 1024


@dataclass(frozen=True, slots=True)
class SupervisorParts:
    """What the supervisor works with.

    Attributes:
        feed: Of the session that speaks Sparkplug.
    """

    boot: str
    outlet: Outlet
    board: Board
    desk: CommandDesk
    reporter: Reporter
    notifier: Notifier
    watchdog: Watchdog
    loop: Loop
    time: TimeSource
    pulse: Pulse
    host_watch: HostWatch
    introducer: Introducer | None = None
    feed: Feed | None = None


class Supervisor:
    """Owns the workers; `run` is the body of one thread.

    Attributes:
        hopeless: Why no pipeline could be started at all, once that is known.
    """

    def __init__(
        self, parts: SupervisorParts, pipelines: Sequence[Supervised], *, until_finished: bool
    ) -> None:
        self.hopeless: str | None = None
        self._parts = parts
        self._pipelines = pipelines
        self._until_finished = until_finished
        self._is_ready = False
        parts.reporter.prepare(pipelines)
        parts.outlet.outbox.put(parts.desk.report())

    def run(self, stop: threading.Event) -> None:
        """Turn until told to stop, all is finished or nothing can work; then end the workers."""
        try:
            while not stop.is_set() and self.hopeless is None and not self._is_finished():
                self._turn()
                self._parts.board.sleep(self._patience_s())
        finally:
            self._parts.notifier.stopping()
            self._stop_workers()
            self._parts.outlet.outbox.commit()
            if self._parts.feed is not None:
                self._parts.feed.commit()
            self._parts.outlet.session.wake()
            self._parts.loop.rest()

    def wait_until_delivered(self, stop: threading.Event) -> None:
        """Wait until the outbox is empty, for runs that end by themselves."""
        while not stop.is_set() and not self._parts.outlet.outbox.is_empty():
            self._parts.watchdog.feed()
            self._parts.outlet.outbox.commit_if_due()
            self._parts.outlet.session.wake()
            self._parts.board.sleep(TURN_S / 5)

    def _turn(self) -> None:
        parts = self._parts
        parts.loop.beat(TURN_MAY_TAKE_S)
        for pipeline in self._pipelines:
            pipeline.turn()
            self._hand_on(pipeline)
        while (order := parts.board.next_order()) is not None:
            served = parts.desk.serve(order)
            if served.report is not None:
                parts.outlet.outbox.put(served.report)
            if served.reply is not None:
                parts.outlet.session.reply(served.reply)
        parts.host_watch.turn(self._pipelines, parts.time.monotonic_s())
        parts.reporter.turn(self._pipelines, parts.time.monotonic_s())
        if parts.introducer is not None:
            parts.introducer.turn(parts.time.monotonic_s())
        parts.outlet.outbox.commit_if_due()
        if parts.feed is not None:
            parts.feed.commit_if_due()
        self._note_verdicts()
        parts.watchdog.feed()
        parts.pulse.beat(parts.board.status)

    def _hand_on(self, pipeline: Supervised) -> None:
        """Give the worker's messages to the outbox, or to the session where they are for now."""
        self._note_losses(pipeline)
        has_stored = False
        for _ in range(min(MESSAGES_PER_TURN, len(pipeline.outgoing))):
            message = _stamped(pipeline.outgoing.popleft(), self._parts.boot)
            self._parts.outlet.publish(message)
            has_stored |= message.delivery is not Delivery.LIVE
        if has_stored:
            self._parts.outlet.outbox.commit_if_due()
            self._parts.outlet.session.wake()

    def _note_losses(self, pipeline: Supervised) -> None:
        """Have subscribers told what a dying worker took with it."""
        while pipeline.losses:
            topic, lost = pipeline.losses.popleft()
            boot = self._parts.boot
            self._parts.outlet.outbox.note_gap(Gap(topic, boot, lost[0], lost[-1], DIED))

    def _note_verdicts(self) -> None:
        """Tell systemd once every model has passed its self-test or failed it for good."""
        if self._is_ready or not all(pipeline.has_verdict for pipeline in self._pipelines):
            return
        broken = [p for p in self._pipelines if p.is_hopeless_from_the_start()]
        # A run that is to end by itself would wait for ever for one that cannot begin.
        if broken and (self._until_finished or len(broken) == len(self._pipelines)):
            self.hopeless = "; ".join(f"{p.name}: {p.failure.why}" for p in broken if p.failure)
            return
        self._is_ready = True
        self._parts.notifier.ready()
        logger.info("ready")

    def _is_finished(self) -> bool:
        return self._until_finished and all(p.is_finished() for p in self._pipelines)

    def _patience_s(self) -> float:
        due_s = self._parts.outlet.outbox.due_in_s()
        return TURN_S if due_s is None else min(TURN_S, max(0.001, due_s))

    def _stop_workers(self) -> None:
        """Let every worker finish its frame, take in what it still says, kill what hangs."""
        for pipeline in self._pipelines:
            pipeline.begin_stop()
        deadline_s = self._parts.time.monotonic_s() + STOP_WORKERS_S
        while not all(self._is_over(pipeline) for pipeline in self._pipelines):
            self._parts.loop.beat(TURN_MAY_TAKE_S)
            if self._parts.time.monotonic_s() > deadline_s:
                for pipeline in self._pipelines:
                    pipeline.kill()
            self._parts.board.sleep(0.05)

    def _is_over(self, pipeline: Supervised) -> bool:
        is_over = pipeline.is_over()
        self._hand_on(pipeline)
        return is_over


def _stamped(outgoing: Outgoing, boot: str) -> Message:
    """Return the message with boot and number as properties: losses show without parsing."""
    message = outgoing.message
    stamps = (("boot", boot), ("seq", str(outgoing.sequence)))
    return replace(message, properties=(*message.properties, *stamps))
