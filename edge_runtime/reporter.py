"""Decides when health is published, and keeps births, status and alerts up to date."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge_runtime.alarms import Alarms, Change, conditions
from edge_runtime.board import Board
from edge_runtime.bulletins import Bulletins
from edge_runtime.health import Rates, mqtt_health, pipeline_health
from edge_runtime.host import HostReader
from edge_runtime.link import Ready, SourceState
from edge_runtime.mqtt.outbox import Outbox
from edge_runtime.mqtt.session import Session, SessionState
from edge_runtime.supervised import Supervised
from edge_runtime.watchdog import Notifier

logger = logging.getLogger(__name__)

LEAST_PAUSE_S = 1.0  # a state that flickers does not flood
EXPIRY_IN_INTERVALS = 3


@dataclass(frozen=True, slots=True)
class ReporterParts:
    """What the reporter reads and writes."""

    outbox: Outbox
    session: Session
    board: Board
    bulletins: Bulletins
    host: HostReader
    notifier: Notifier
    read_clock_state: Callable[[], str]


class Reporter:
    """Looks at all states once a turn; used by the supervisor's thread."""

    def __init__(self, parts: ReporterParts, pid: int, interval_s: float) -> None:
        self._parts = parts
        self._pid = pid
        self._interval_s = interval_s
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
        if self._parts.board.session_has_changed() or has_changed:
            self._next_s = min(self._next_s, max(now_s, self._not_before_s))
        if now_s >= self._next_s:
            self.publish_health(pipelines, now_s)

    def publish_health(self, pipelines: Sequence[Supervised], now_s: float) -> None:
        """Publish health now."""
        parts = self._parts
        self._next_s = now_s + self._interval_s
        self._not_before_s = now_s + LEAST_PAUSE_S
        session, outbox = parts.session.status(), parts.outbox.status()
        self._describe(pipelines, session.state)
        if session.state is not SessionState.ONLINE:
            return
        pids = [self._pid, *(p.pid for p in pipelines if p.pid is not None)]
        message, _ = parts.bulletins.health(
            self._alarms.reasons(),
            tuple(pipeline_health(p, self._rates, now_s) for p in pipelines),
            parts.host.read(pids, parts.read_clock_state()),
            mqtt_health(session, outbox),
            int(EXPIRY_IN_INTERVALS * self._interval_s),
        )
        parts.session.publish_live(message)

    def _note_sources(self, pipelines: Sequence[Supervised]) -> bool:
        changed = [p for p in pipelines if self._sources.get(p.name) is not p.source]
        for pipeline in changed:
            if pipeline.name in self._sources:
                self._parts.outbox.put(self._parts.bulletins.source(pipeline))
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
            self._parts.outbox.put(self._parts.board.births[0])
        return True

    def _note_alarms(self, pipelines: Sequence[Supervised], now_s: float) -> bool:
        parts = self._parts
        found = conditions(pipelines, parts.session.status(), parts.outbox.status())
        changes = self._alarms.update(now_s, found)
        for change in changes:
            _log(change)
            alert = parts.bulletins.alert(
                change.subject.kind, change.subject.pipeline, change.text, is_over=change.is_over
            )
            parts.outbox.put(alert)
        if changes:
            parts.outbox.commit()  # an alert does not wait for company
        status = "degraded" if self._alarms.reasons() else "online"
        if status != parts.board.status:
            parts.board.status = status
            parts.session.wake()
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


def _log(change: Change) -> None:
    """Say in the journal what the alert says to subscribers."""
    where = f"{change.subject.pipeline}: " if change.subject.pipeline is not None else ""
    level = logging.INFO if change.is_over else logging.WARNING
    over = " (over)" if change.is_over else ""
    logger.log(level, "alert%s: %s%s: %s", over, where, change.subject.kind, change.text)
