"""Decides when health is published, and keeps births, status and alerts up to date."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from edge_runtime.host.readings import HostReader
from edge_runtime.link import Ready, SourceState
from edge_runtime.mqtt.outbox.status import OutboxStatus
from edge_runtime.mqtt.session import SessionState, SessionStatus
from edge_runtime.supervisor.alarms import (
    Alarms,
    Change,
    Condition,
    Subject,
    conditions,
    sparkplug_conditions,
)
from edge_runtime.supervisor.board import Board
from edge_runtime.supervisor.bulletins import Bulletins
from edge_runtime.supervisor.health import (
    Numbers,
    Rates,
    governor_health,
    mqtt_health,
    pipeline_health,
    sparkplug_health,
)
from edge_runtime.supervisor.host_watch import HostWatch
from edge_runtime.supervisor.outlet import Outlet
from edge_runtime.supervisor.supervised import Supervised
from edge_runtime.supervisor.watchdog import Notifier

logger = logging.getLogger(__name__)

LEAST_PAUSE_S = 1.0  # a state that flickers does not flood
EXPIRY_IN_INTERVALS = 3


@dataclass(frozen=True, slots=True)
class ReporterParts:
    """What the reporter reads and writes.

    Attributes:
        standing: What is wrong for as long as this daemon runs.
        read_sparkplug: The state of the session that speaks Sparkplug, where there is one.
    """

    outlet: Outlet
    board: Board
    bulletins: Bulletins
    host: HostReader
    host_watch: HostWatch
    notifier: Notifier
    read_clock_state: Callable[[], str]
    standing: Mapping[Subject, Condition] = field(default_factory=dict)
    read_sparkplug: Callable[[], tuple[SessionStatus, OutboxStatus]] | None = None


class Reporter:
    """Looks at all states once a turn; used by the supervisor's thread.

    Attributes:
        interval_s: From one health message to the next; may be changed.
    """

    def __init__(self, parts: ReporterParts, pid: int, interval_s: float) -> None:
        self._parts = parts
        self._pid = pid
        self.interval_s = interval_s
        self._alarms = Alarms()
        self._rates = Rates()
        self._sources: dict[str, SourceState] = {}
        self._models: dict[str, Ready | None] = {}
        self._next_s = 0.0
        self._not_before_s = 0.0
        self._described = ""

    def prepare(self, pipelines: Sequence[Supervised]) -> None:
        """Have a birth to say before the first turn: the broker may take us sooner than that."""
        self._renew_births(pipelines)

    def turn(self, pipelines: Sequence[Supervised], now_s: float) -> None:
        """Publish what has changed, and health when it is due."""
        has_changed = self._note_sources(pipelines)
        has_changed |= self._note_models(pipelines)
        has_changed |= self._note_alarms(pipelines, now_s)
        if self._parts.outlet.session.status().state is SessionState.ONLINE:
            self._parts.outlet.outbox.tell_gaps(self._parts.bulletins.gaps)
        if self._parts.board.session_has_changed() or has_changed:
            self._next_s = min(self._next_s, max(now_s, self._not_before_s))
        if now_s >= self._next_s:
            self.publish_health(pipelines, now_s)

    def publish_health(self, pipelines: Sequence[Supervised], now_s: float) -> None:
        """Publish health now."""
        parts = self._parts
        self._next_s = now_s + self.interval_s
        self._not_before_s = now_s + LEAST_PAUSE_S
        session, outbox = parts.outlet.session.status(), parts.outlet.outbox.status()
        self._describe(pipelines, session.state)
        if session.state is not SessionState.ONLINE:
            return
        pids = [self._pid, *(p.pid for p in pipelines if p.pid is not None)]
        numbers = Numbers(
            pipelines=tuple(pipeline_health(p, self._rates, now_s) for p in pipelines),
            host=parts.host.read(pids, parts.read_clock_state()),
            mqtt=mqtt_health(session, outbox),
            sparkplug=None
            if parts.read_sparkplug is None
            else sparkplug_health(*parts.read_sparkplug()),
            governor=governor_health(parts.host_watch),
        )
        expiry_s = int(EXPIRY_IN_INTERVALS * self.interval_s)
        message, _ = parts.bulletins.health(self._alarms.reasons(), numbers, expiry_s)
        parts.outlet.publish(message)

    def _note_sources(self, pipelines: Sequence[Supervised]) -> bool:
        changed = [p for p in pipelines if self._sources.get(p.name) is not p.source]
        for pipeline in changed:
            if pipeline.name in self._sources:
                self._parts.outlet.publish(self._parts.bulletins.source(pipeline))
            self._sources[pipeline.name] = pipeline.source
        if changed:
            self._renew_births(pipelines)
        return bool(changed)

    def _note_models(self, pipelines: Sequence[Supervised]) -> bool:
        models = {pipeline.name: pipeline.last_ready for pipeline in pipelines}
        if models == self._models:
            return False
        is_first = not self._models
        self._models = models
        self._renew_births(pipelines)
        if not is_first:
            self._parts.outlet.publish(self._parts.board.births[0])
        return True

    def _note_alarms(self, pipelines: Sequence[Supervised], now_s: float) -> bool:
        parts = self._parts
        session, outbox = parts.outlet.session.status(), parts.outlet.outbox.status()
        found = conditions(pipelines, session, outbox)
        if parts.read_sparkplug is not None:
            found |= sparkplug_conditions(session, parts.read_sparkplug()[0])
        changes = self._alarms.update(
            now_s, {**parts.standing, **parts.host_watch.conditions(), **found}
        )
        for change in changes:
            _log(change)
            alert = parts.bulletins.alert(
                change.subject.kind, change.subject.pipeline, change.text, is_over=change.is_over
            )
            parts.outlet.outbox.put(alert)
            _keep_evidence(change, pipelines)
        if changes:
            parts.outlet.outbox.commit()  # an alert does not wait for company
        status = "degraded" if self._alarms.reasons() else "online"
        if status != parts.board.status:
            parts.board.status = status
            parts.outlet.session.wake()
        return bool(changes)

    def _renew_births(self, pipelines: Sequence[Supervised]) -> None:
        bulletins = self._parts.bulletins
        sources = (bulletins.source(pipeline) for pipeline in pipelines)
        self._parts.board.births = (bulletins.info(pipelines), *sources)

    def _describe(self, pipelines: Sequence[Supervised], session: SessionState) -> None:
        """Show one line in `systemctl status`."""
        states = ", ".join(f"{p.name} {p.state.value}" for p in pipelines)
        text = f"broker {session.value}; {states}"
        if text != self._described:
            self._described = text
            self._parts.notifier.describe(text)


def _keep_evidence(change: Change, pipelines: Sequence[Supervised]) -> None:
    """Have a pipeline write its last seconds where something is wrong with it."""
    for pipeline in pipelines:
        if pipeline.name == change.subject.pipeline and not change.is_over:
            pipeline.write_recording(f"{change.subject.kind}: {change.text}", at_once=False)


def _log(change: Change) -> None:
    """Say in the journal what the alert says to subscribers."""
    where = f"{change.subject.pipeline}: " if change.subject.pipeline is not None else ""
    level = logging.INFO if change.is_over else logging.WARNING
    over = " (over)" if change.is_over else ""
    logger.log(level, "alert%s: %s%s: %s", over, where, change.subject.kind, change.text)
