"""The composition root: configuration to objects. The only place that picks implementations."""

import logging
import os
import random
import secrets
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from edge_runtime.board import Board
from edge_runtime.bulletins import Bulletins, Identity
from edge_runtime.clock import ClockWatch
from edge_runtime.command_desk import CommandDesk
from edge_runtime.config import (
    Config,
    Environment,
    MqttConfig,
    OutboxConfig,
    PipelineConfig,
    models_directory,
    read_secret,
)
from edge_runtime.errors import BundleError, ConfigError
from edge_runtime.home_assistant.introducer import Introducer, IntroducerParts
from edge_runtime.home_assistant.known import FILE_NAME, read_known
from edge_runtime.home_assistant.plan import plan_introduction
from edge_runtime.host import HostReader
from edge_runtime.lock import DeviceLock
from edge_runtime.models.store import find_bundle
from edge_runtime.mqtt.backoff import BackoffSettings
from edge_runtime.mqtt.connection import BrokerSettings, TlsSettings
from edge_runtime.mqtt.exchange import ExchangeSettings, Parts
from edge_runtime.mqtt.mailbox import Mailbox, Memory
from edge_runtime.mqtt.outbox import Outbox, OutboxSettings
from edge_runtime.mqtt.session import ProtocolChoice, Session, SessionSettings, SessionState
from edge_runtime.mqtt.topics import HOME_ASSISTANT_STATUS, STATUS, Topics
from edge_runtime.reporter import Reporter, ReporterParts
from edge_runtime.stop_signals import STOP_SIGNALS
from edge_runtime.supervised import Patience, Supervised, WorkerPlan
from edge_runtime.supervisor import Supervisor, SupervisorParts
from edge_runtime.time_source import TimeSource, kernel_boot_id
from edge_runtime.watchdog import Loop, Notifier, Watchdog
from edge_runtime.worker_settings import WorkerSettings, start_worker

logger = logging.getLogger(__name__)

STOP_WITHIN_S = 9.5
EMBEDDED_PROTOCOL: ProtocolChoice = "3.1.1"  # amqtt leaves a CONNECT of MQTT 5 unanswered
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
    """All objects of one run, from `with` to its end."""

    def __init__(self, config: Config, environment: Environment, options: RunOptions) -> None:
        identity = Identity(config.device.site, config.device.id, secrets.token_hex(4))
        plans = worker_plans(config, models_directory(config, environment), identity.boot)
        topics = Topics(identity.site, identity.device)
        settings = session_settings(config.mqtt, identity, topics, options.embedded_port)
        self._lock = DeviceLock(environment.state_directory / "daemon.lock")
        self._time = TimeSource()
        self._options = options
        self._notifier = Notifier(environment.notify_socket)
        self._board = Board(self._time.monotonic_s)
        self._outbox = Outbox(
            outbox_settings(config.outbox, environment.state_directory / "outbox.db"),
            self._time,
            kernel_boot_id(),
        )
        self._loops = tuple(Loop(name, self._time.monotonic_s) for name in ("supervisor", "mqtt"))
        self._session = self._make_session(settings, topics)
        self._pipelines = tuple(self._supervised(plan, pipe) for plan, pipe in plans)
        self._supervisor = self._make_supervisor(config, environment, identity, topics)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._session.close()
        self._outbox.close()
        self._notifier.close()
        self._lock.release()

    def run(self) -> None:
        """Work until SIGTERM, SIGINT or the end; a second signal ends the process at once.

        Raises:
            BundleError: No pipeline's model can ever run.
            BaseException: Whatever bug ended one of the threads.
        """
        stop_workers, stop_session = threading.Event(), threading.Event()
        session = Task("mqtt", lambda: self._session.run(stop_session))
        supervisor = Task("supervisor", lambda: self._supervise(stop_workers))
        session.start()
        supervisor.start()
        until_s = None
        while supervisor.is_alive() or session.is_alive():
            if not (supervisor.is_alive() and session.is_alive()):
                self._stop(stop_workers, stop_session)
            if stop_workers.is_set() and until_s is None:
                until_s = self._time.monotonic_s() + STOP_WITHIN_S
            self._heed_signals(stop_workers, until_s)
        for task in (supervisor, session):
            if task.error is not None:
                raise task.error
        if self._supervisor.hopeless is not None:
            raise BundleError(self._supervisor.hopeless)

    def _heed_signals(self, stop: threading.Event, until_s: float | None) -> None:
        """Wait a moment for a signal: the first one stops in good order, the second one at once."""
        received = signal.sigtimedwait(STOP_SIGNALS, POLL_S if until_s is None else STOPPING_POLL_S)
        if received is not None:
            logger.info("stopping: %s", signal.Signals(received.si_signo).name)
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

    def _supervise(self, stop: threading.Event) -> None:
        self._supervisor.run(stop)
        if self._options.until_finished:
            self._supervisor.wait_until_delivered(stop)

    def _leave_now(self) -> None:
        """Commit what is pending and end without further words; the broker sends the will."""
        for pipeline in self._pipelines:
            pipeline.kill()
        self._outbox.commit()
        os._exit(0)

    def _make_session(self, settings: SessionSettings, topics: Topics) -> Session:
        hooks = self._board.hooks()
        parts = Parts(topics, self._outbox, Mailbox(), Memory(), hooks, self._time)
        return Session(settings, parts, random.SystemRandom(), self._loops[1])

    def _supervised(self, plan: WorkerPlan, pipeline: PipelineConfig) -> Supervised:
        patience = Patience(progress_s=pipeline.infer_timeout_s + PROGRESS_MARGIN_S)
        now, wake = self._time.monotonic_s, self._board.wake
        return Supervised(plan, patience, random.SystemRandom(), now, wake)

    def _make_supervisor(
        self, config: Config, environment: Environment, identity: Identity, topics: Topics
    ) -> Supervisor:
        host = HostReader(environment.state_directory)
        reporter = ReporterParts(
            outbox=self._outbox,
            session=self._session,
            board=self._board,
            bulletins=Bulletins(identity, self._time),
            host=host,
            notifier=self._notifier,
            read_clock_state=ClockWatch().read,
        )
        usec = environment.watchdog_usec
        limit_s = None if usec is None else usec / 1e6
        now = self._time.monotonic_s
        parts = SupervisorParts(
            boot=identity.boot,
            outbox=self._outbox,
            session=self._session,
            board=self._board,
            desk=CommandDesk(topics, self._pipelines, now),
            reporter=Reporter(reporter, os.getpid(), config.health.interval_s),
            notifier=self._notifier,
            watchdog=Watchdog(self._notifier, self._loops, limit_s, now),
            loop=self._loops[0],
            time=self._time,
            introducer=self._make_introducer(config, environment, topics, host),
        )
        return Supervisor(parts, self._pipelines, until_finished=self._options.until_finished)

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


def worker_plans(
    config: Config, models: Path, boot: str
) -> tuple[tuple[WorkerPlan, PipelineConfig], ...]:
    """Return how each pipeline's worker is started.

    Raises:
        BundleError: A model that is not there.
    """
    plans = []
    for pipeline in config.pipeline:
        bundle = find_bundle(pipeline.model, models)
        plan = WorkerPlan(pipeline.name, start_worker, _settings_maker(pipeline, bundle, boot))
        plans.append((plan, pipeline))
    return tuple(plans)


def session_settings(
    config: MqttConfig, identity: Identity, topics: Topics, embedded_port: int | None
) -> SessionSettings:
    """Return how the session behaves.

    Raises:
        ConfigError: Neither the configuration nor the embedded broker names a broker.
    """
    if config.host is None and embedded_port is None:
        raise ConfigError("mqtt: no host, and no embedded broker was started")
    tls, password = config.tls, config.password_file
    broker = BrokerSettings(
        host=config.host or "127.0.0.1",
        port=config.effective_port if config.host is not None else embedded_port or 0,
        client_id=identity.device,
        status_topic=topics.full(STATUS),
        boot=identity.boot,
        keep_alive_s=config.keep_alive_s,
        will_delay_s=config.will_delay_s,
        session_expiry_s=config.session_expiry_s,
        username=config.username,
        password=None if password is None else lambda: read_secret(Path(password)),
        tls=None if tls is None else TlsSettings(_path(tls.ca), _path(tls.cert), _path(tls.key)),
    )
    return SessionSettings(
        broker,
        exchange=ExchangeSettings(
            window=config.in_flight,
            answer_deadline_s=config.puback_timeout_s,
            also_hears=(HOME_ASSISTANT_STATUS,) if config.home_assistant else (),
        ),
        protocol=config.protocol if config.host is not None else EMBEDDED_PROTOCOL,
        backoff=BackoffSettings(max_s=config.reconnect_max_s),
    )


def outbox_settings(config: OutboxConfig, path: Path) -> OutboxSettings:
    """Return the outbox's bounds."""
    return OutboxSettings(
        path,
        max_rows=config.max_messages,
        max_bytes=config.max_bytes,
        max_age_s=config.max_age_s,
        max_loss_window_s=config.max_loss_window_s,
    )


def _settings_maker(
    pipeline: PipelineConfig, bundle: Path, boot: str
) -> Callable[[Mapping[str, int]], object]:
    def make(first_sequences: Mapping[str, int]) -> object:
        return WorkerSettings(pipeline, bundle, boot, first_sequences)

    return make


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
