"""The configuration split once: what each part is told, and nothing of the others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edge_runtime.config.loading import Environment, read_secret
from edge_runtime.config.structs import Config, MqttConfig, OutboxConfig, PipelineConfig
from edge_runtime.errors import ConfigError
from edge_runtime.host.starts import Caution
from edge_runtime.models.signature import model_key
from edge_runtime.models.store import find_bundle, find_previous_bundle, passed_over
from edge_runtime.mqtt.backoff import BackoffSettings
from edge_runtime.mqtt.connection import BrokerSettings, TlsSettings, Will
from edge_runtime.mqtt.exchange_parts import ExchangeSettings
from edge_runtime.mqtt.outbox.pending import PendingSettings
from edge_runtime.mqtt.outbox.settings import OutboxSettings
from edge_runtime.mqtt.session import ProtocolChoice, SessionSettings
from edge_runtime.mqtt.topics import CONFIRMED, DESIRED, HOME_ASSISTANT_STATUS, STATUS, Topics
from edge_runtime.supervisor.bulletins import Identity
from edge_runtime.supervisor.supervised import WorkerPlan
from edge_runtime.worker.settings import WorkerSettings
from edge_runtime.worker.start import start_worker

OFFLINE = b"offline"
SPARKPLUG_OUTBOX = "sparkplug.db"
EMBEDDED_PROTOCOL: ProtocolChoice = "3.1.1"  # amqtt leaves a CONNECT of MQTT 5 unanswered


def worker_plans(
    config: Config, models: Path, boot: str, recordings: Path, caution: Caution = Caution.NONE
) -> tuple[tuple[WorkerPlan, PipelineConfig], ...]:
    """Return how each pipeline's worker is started; none at all where no model is to be dared.

    Raises:
        BundleError: A model that is not there.
        ConfigError: The models' key cannot be read.
    """
    if caution is Caution.NO_MODELS:
        return ()
    key = model_key(config)
    find = find_previous_bundle if caution is Caution.PREVIOUS_MODELS else find_bundle
    common = Common(boot, recordings, _path(config.models_key_file))
    plans = []
    for pipeline in config.pipeline:
        bundles = tuple(find(table.model, models, key) for table in pipeline.models)
        make = _settings_maker(pipeline, bundles, common)
        small = None
        if pipeline.small_model is not None:
            small_ones = (find(pipeline.small_model, models, key), *bundles[1:])
            small = _settings_maker(pipeline, small_ones, common)
        plan = WorkerPlan(pipeline.name, start_worker, make, small)
        plans.append((plan, pipeline))
    return tuple(plans)


def models_passed_over(config: Config, models: Path) -> dict[str, list[str]]:
    """Return by pipeline the bundles that are newer than what runs, and not signed.

    Raises:
        BundleError: As `worker_plans`.
    """
    key = model_key(config)
    if key is None:
        return {}
    found = {}
    for pipeline in config.pipeline:
        names = [table.model for table in pipeline.models]
        names += [pipeline.small_model] if pipeline.small_model is not None else []
        found[pipeline.name] = [
            f"{name}@{version}" for name in names for version in passed_over(name, models, key)
        ]
    return found


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
    also = (HOME_ASSISTANT_STATUS,) if config.home_assistant else ()
    broker = BrokerSettings(
        host=config.host or "127.0.0.1",
        port=config.effective_port if config.host is not None else embedded_port or 0,
        client_id=identity.device,
        will=lambda: Will(topics.full(STATUS), OFFLINE, retain=True, boot=identity.boot),
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
            drain_rate_hz=config.drain_rate_hz,
            drain_delay_s=config.drain_delay_s,
            also_hears=(topics.full(DESIRED), topics.full(CONFIRMED), *also),
        ),
        protocol=config.protocol if config.host is not None else EMBEDDED_PROTOCOL,
        backoff=BackoffSettings(max_s=config.reconnect_max_s),
    )


def sparkplug_outbox_settings(native: OutboxSettings) -> OutboxSettings:
    """Return the bounds of what waits for Sparkplug's hosts, who confirm nothing."""
    path = native.path.with_name(SPARKPLUG_OUTBOX)
    return replace(native, path=path, is_strict=False, pending=PendingSettings())


def outbox_settings(config: OutboxConfig, environment: Environment) -> OutboxSettings:
    """Return the outbox's bounds.

    Raises:
        ConfigError: A stage is wanted, and there is no directory in memory for it.
    """
    stage = None
    if config.stage:
        if environment.runtime_directory is None:
            raise ConfigError(
                "outbox.stage: no $RUNTIME_DIRECTORY; systemd's RuntimeDirectory= sets it"
            )
        stage = environment.runtime_directory / "stage"
    written = config.max_written_mb_per_day
    return OutboxSettings(
        environment.state_directory / "outbox.db",
        is_strict=config.strict,
        written_per_day=None if written is None else written * 1e6,
        pending=PendingSettings(stage=stage),
        max_rows=config.max_messages,
        max_bytes=config.max_bytes,
        max_age_s=config.max_age_s,
        max_loss_window_s=config.max_loss_window_s,
    )


@dataclass(frozen=True, slots=True)
class Common:
    """What all workers are told alike; as in WorkerSettings."""

    boot: str
    recordings: Path
    model_key: Path | None


def _settings_maker(
    pipeline: PipelineConfig, bundles: tuple[Path, ...], common: Common
) -> Callable[[Mapping[str, int]], object]:
    own, *further = bundles

    def make(first_sequences: Mapping[str, int]) -> object:
        return WorkerSettings(
            pipeline,
            own,
            common.boot,
            first_sequences,
            further=tuple(further),
            recordings=common.recordings,
            model_key=common.model_key,
        )

    return make


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
