"""The composition root: configuration to objects. The only place that picks implementations."""

import contextlib
import logging
import os
import random
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from edge_runtime.config.loading import Environment, models_directory
from edge_runtime.config.structs import Config, PipelineConfig
from edge_runtime.errors import BundleError
from edge_runtime.home_assistant.introducer import Introducer, IntroducerParts
from edge_runtime.home_assistant.known import FILE_NAME, read_known
from edge_runtime.home_assistant.plan import plan_introduction
from edge_runtime.host.clock import ClockState, ClockWatch
from edge_runtime.host.lock import DeviceLock
from edge_runtime.host.readings import HostReader
from edge_runtime.host.starts import SETTLED_AFTER_S, Caution, StartRecord, caution_after
from edge_runtime.host.stop_signals import wait_for_stop
from edge_runtime.host.time_source import TimeSource, kernel_boot_id
from edge_runtime.keys import read_public_key
from edge_runtime.models.signature import model_key
from edge_runtime.mqtt.exchange_parts import Parts
from edge_runtime.mqtt.mailbox import Mailbox, Memory
from edge_runtime.mqtt.outbox.outbox import Outbox
from edge_runtime.mqtt.outbox.settings import OutboxSettings
from edge_runtime.mqtt.session import Session, SessionState
from edge_runtime.mqtt.topics import Topics
from edge_runtime.part_settings import (
    models_passed_over,
    outbox_settings,
    session_settings,
    sparkplug_outbox_settings,
    worker_plans,
)
from edge_runtime.remote.counters import CounterStore
from edge_runtime.remote.desk import CommandDesk, DeskParts
from edge_runtime.remote.gate import Gate
from edge_runtime.remote.shadow import Shadow, ShadowParts
from edge_runtime.sparkplug.assembly import Sparkplug, described, make_sparkplug
from edge_runtime.supervisor.alarms import safe_mode, unsigned_models
from edge_runtime.supervisor.board import Board
from edge_runtime.supervisor.bulletins import Bulletins, Identity
from edge_runtime.supervisor.governor import Governor
from edge_runtime.supervisor.host_watch import HostWatch
from edge_runtime.supervisor.outlet import Outlet
from edge_runtime.supervisor.pulse import Pulse
from edge_runtime.supervisor.reporter import Reporter, ReporterParts
from edge_runtime.supervisor.supervised import Patience, Supervised, WorkerPlan
from edge_runtime.supervisor.supervisor import Supervisor, SupervisorParts
from edge_runtime.supervisor.watchdog import Loop, Notifier, Watchdog

logger = logging.getLogger(__name__)

STOP_WITHIN_S = 9.5
POLL_S = 0.5
STOPPING_POLL_S = 0.05
PROGRESS_MARGIN_S = 10.0


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line says beside the configuration.

    Attributes:
        until_finished: End once every source has played to its end and all is delivered.
        port: Of the embedded broker, where the configuration names no broker.
    """

    until_finished: bool = False
    embedded_port: int | None = None


def _ignore() -> None:
    """Nobody asks how Sparkplug's session is; it says so in the log."""


class Task:
    """A named thread, and the exception that ended it, if one did."""

    def __init__(self, name: str, body: Callable[[], None]) -> None:
        self.error: BaseException | None = None
        self._body = body
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def is_alive(self) -> bool:
        """Return whether it still runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._body()
        except BaseException as error:  # noqa: BLE001 - the edge of the thread; raised by the daemon
            self.error = error


class Daemon:
    """All objects of one run, from `with` to its end.

    Attributes:
        wants_restart: It ended because a command asked for a restart.
    """

    def __init__(self, config: Config, environment: Environment, options: RunOptions) -> None:
        with contextlib.ExitStack() as on_failure:
            self._lock = DeviceLock(environment.state_directory / "daemon.lock")
            on_failure.callback(self._lock.release)
            self._starts = StartRecord(environment.state_directory / "starts")
            self._make(config, environment, options)
            on_failure.pop_all()

    def _make(self, config: Config, environment: Environment, options: RunOptions) -> None:
        identity = Identity(config.device.site, config.device.id, secrets.token_hex(4))
        # A person at a terminal sees why a start failed; only a service has to help itself.
        is_service = environment.notify_socket is not None
        caution = caution_after(self._starts.broken) if is_service else Caution.NONE
        models = models_directory(config, environment)
        recordings = environment.state_directory / "recordings"
        plans = worker_plans(config, models, identity.boot, recordings, caution)
        self._standing = safe_mode(caution, self._starts.broken)
        if caution is not Caution.NO_MODELS:
            self._standing |= unsigned_models(models_passed_over(config, models))
        topics = Topics(identity.site, identity.device)
        settings = session_settings(config.mqtt, identity, topics, options.embedded_port)
        self.wants_restart = False
        self._time = TimeSource()
        self._settles_at_s: float | None = self._time.monotonic_s() + SETTLED_AFTER_S
        self._options = options
        self._notifier = Notifier(environment.notify_socket)
        self._board = Board(self._time.monotonic_s)
        clock = ClockWatch()
        bounds = outbox_settings(config.outbox, environment)
        self._outbox = self._make_outbox(bounds, clock)
        tongues = ("mqtt",) if config.mqtt.sparkplug is None else ("mqtt", "sparkplug")
        self._loops = tuple(Loop(name, self._time.monotonic_s) for name in ("supervisor", *tongues))
        parts = Parts(topics, self._outbox, Mailbox(), Memory(), self._board.hooks(), self._time)
        self._session = Session(settings, parts, random.SystemRandom(), self._loops[1])
        self._sparkplug: Sparkplug | None = None
        if config.mqtt.sparkplug is not None:
            outbox = self._make_outbox(sparkplug_outbox_settings(bounds), clock)
            self._sparkplug = make_sparkplug(
                config.mqtt.sparkplug,
                described(config.pipeline, models, model_key(config)),
                settings,
                replace(parts, outbox=outbox, hooks=replace(parts.hooks, on_change=_ignore)),
                directory=environment.state_directory,
                loop=self._loops[2],
            )
        self._pipelines = tuple(self._supervised(plan, pipe) for plan, pipe in plans)
        self._supervisor = self._make_supervisor(config, environment, identity, topics)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if kind is None:
            self._starts.settle()
        self._session.close()
        self._outbox.close()
        if self._sparkplug is not None:
            self._sparkplug.close()
        self._notifier.close()
        self._lock.release()

    def run(self) -> None:
        """Work until SIGTERM, SIGINT or the end; a second signal ends the process at once.

        Raises:
            BundleError: No pipeline's model can ever run.
            BaseException: Whatever bug ended one of the threads.
        """
        stop_workers, stop_session = threading.Event(), threading.Event()
        tasks = [
            Task("supervisor", lambda: self._supervise(stop_workers)),
            Task("mqtt", lambda: self._session.run(stop_session)),
        ]
        if self._sparkplug is not None:
            speaker = self._sparkplug.session
            tasks.append(Task("sparkplug", lambda: speaker.run(stop_session)))
        for task in reversed(tasks):
            task.start()
        until_s = None
        while any(task.is_alive() for task in tasks):
            if not all(task.is_alive() for task in tasks):
                self._stop(stop_workers, stop_session)
            if stop_workers.is_set() and until_s is None:
                until_s = self._time.monotonic_s() + STOP_WITHIN_S
            self._heed_signals(stop_workers, until_s)
            if self.wants_restart:
                self._stop(stop_workers)
            self._settle_when_proved()
        for task in tasks:
            if task.error is not None:
                raise task.error
        if self._supervisor.hopeless is not None:
            raise BundleError(self._supervisor.hopeless)

    def _settle_when_proved(self) -> None:
        if self._settles_at_s is not None and self._time.monotonic_s() >= self._settles_at_s:
            self._starts.settle()
            self._settles_at_s = None

    def _heed_signals(self, stop: threading.Event, until_s: float | None) -> None:
        """Wait a moment for a signal: the first one stops in good order, the second one at once."""
        received = wait_for_stop(POLL_S if until_s is None else STOPPING_POLL_S)
        if received is not None:
            logger.info("stopping: %s", received.name)
            if stop.is_set():
                self._leave_now()
            self._stop(stop)
        if until_s is not None and self._time.monotonic_s() > until_s:
            logger.error("not stopped within %.1f s: leaving", STOP_WITHIN_S)
            self._leave_now()

    def _stop(self, *events: threading.Event) -> None:
        for event in events:
            event.set()
        self._board.wake()
        self._session.wake()
        if self._sparkplug is not None:
            self._sparkplug.session.wake()

    def _supervise(self, stop: threading.Event) -> None:
        self._supervisor.run(stop)
        if self._options.until_finished:
            self._supervisor.wait_until_delivered(stop)

    def _leave_now(self) -> None:
        """Commit what is pending and end without further words; the broker sends the will."""
        for pipeline in self._pipelines:
            pipeline.kill()
        self._outbox.commit()
        if self._sparkplug is not None:
            self._sparkplug.outbox.commit()
        self._starts.settle()
        os._exit(0)

    def _make_outbox(self, settings: OutboxSettings, clock: ClockWatch) -> Outbox:
        return Outbox(
            settings, self._time, kernel_boot_id(), lambda: clock.read() is ClockState.SYNCED
        )

    def _supervised(self, plan: WorkerPlan, pipeline: PipelineConfig) -> Supervised:
        patience = Patience(progress_s=pipeline.infer_timeout_s + PROGRESS_MARGIN_S)
        now, wake = self._time.monotonic_s, self._board.wake
        return Supervised(plan, patience, random.SystemRandom(), now, wake)

    def _make_supervisor(
        self, config: Config, environment: Environment, identity: Identity, topics: Topics
    ) -> Supervisor:
        host = HostReader(environment.state_directory, environment.host_root)
        governor = None if config.governor is None else Governor(config.governor)
        watch = HostWatch(lambda: (host.temperatures(), host.throttle()), governor)
        feed = None if self._sparkplug is None else self._sparkplug.feed
        outlet = Outlet(self._session, self._outbox, () if feed is None else (feed.take,))
        reporter = ReporterParts(
            outlet=outlet,
            board=self._board,
            bulletins=Bulletins(identity, self._time),
            host=host,
            host_watch=watch,
            notifier=self._notifier,
            read_clock_state=ClockWatch().read,
            standing=self._standing,
            read_sparkplug=None if self._sparkplug is None else self._sparkplug.status,
        )
        usec = environment.watchdog_usec
        limit_s = None if usec is None else usec / 1e6
        now = self._time.monotonic_s
        keeper = Reporter(reporter, os.getpid(), config.health.interval_s)
        parts = SupervisorParts(
            boot=identity.boot,
            outlet=outlet,
            board=self._board,
            desk=self._make_desk(config, environment, identity, keeper),
            reporter=keeper,
            notifier=self._notifier,
            watchdog=Watchdog(self._notifier, self._loops, limit_s, now),
            loop=self._loops[0],
            time=self._time,
            pulse=Pulse(environment.runtime_directory, now),
            host_watch=watch,
            introducer=self._make_introducer(config, environment, topics, host),
            feed=feed,
        )
        return Supervisor(parts, self._pipelines, until_finished=self._options.until_finished)

    def _make_desk(
        self, config: Config, environment: Environment, identity: Identity, reporter: Reporter
    ) -> CommandDesk:
        state, now = environment.state_directory, self._time.monotonic_s
        path = config.commands.fleet_key_file
        key = None if path is None else read_public_key(Path(path))
        counters = CounterStore(state / "command-counters.json")
        shadow = ShadowParts(
            path=state / "desired.json",
            boot=identity.boot,
            pipelines=self._pipelines,
            reporter=reporter,
        )
        parts = DeskParts(
            topics=Topics(identity.site, identity.device),
            pipelines=self._pipelines,
            gate=Gate(identity.device, key, counters, self._time.wall_s),
            shadow=Shadow(shadow),
            confirm=self._outbox.confirm,
            now=now,
            restart=self._restart,
        )
        return CommandDesk(parts)

    def _restart(self) -> None:
        self.wants_restart = True

    def _make_introducer(
        self, config: Config, environment: Environment, topics: Topics, host: HostReader
    ) -> Introducer | None:
        known = environment.state_directory / FILE_NAME
        introduction = plan_introduction(
            config,
            models_directory(config, environment),
            read_known(known),
            has_temperature=bool(host.temperatures()),
        )
        if introduction is None:
            return None
        parts = IntroducerParts(
            topics=topics,
            board=self._board,
            is_online=lambda: self._session.status().state is SessionState.ONLINE,
            send=self._session.reply,
            known=known,
            rng=random.SystemRandom(),
        )
        return Introducer(introduction, parts)
