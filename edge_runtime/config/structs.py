"""The shape of the configuration file: one frozen struct per TOML table."""

from typing import Annotated, Literal

from msgspec import Meta

from edge_runtime.config.governor import GovernorConfig
from edge_runtime.config.sources import SourceConfig
from edge_runtime.config.values import Name, Rate, Seconds, Table, Text, TlsConfig
from edge_runtime.config.vision import (
    GateConfig,
    Labels,
    ModelConfig,
    ModelGateConfig,
    Shares,
    StageConfig,
    TrackConfig,
    ZoneConfig,
)
from edge_runtime.config.watch import DriftConfig, RecorderConfig, ViewConfig

TopicLevel = Annotated[str, Meta(pattern=r"\A[^+/#\x00-\x1f\x7f]{1,64}\Z")]


class DeviceConfig(Table, frozen=True):
    """Who this machine is.

    Attributes:
        id: Also the MQTT client id.
        site: The level above the device in every topic.
    """

    id: Annotated[str, Meta(pattern=r"\A[a-z0-9-]{1,48}\Z")]
    site: Name = "home"


class SparkplugConfig(Table, frozen=True):
    """How the device shows itself to Sparkplug hosts: as an edge node, its pipelines as devices.

    Attributes:
        group: Of the edge node.
        node: None: the device's id. Unique within the group.
        aliases: Data goes by numbers that the births tell, not by names.
    """

    group: TopicLevel
    node: TopicLevel | None = None
    aliases: bool = False


class MqttConfig(Table, frozen=True):
    """The broker and how we speak to it.

    Attributes:
        host: None: the embedded demonstration broker, loopback only.
        port: None: 8883 with TLS, 1883 without.
        protocol: "auto" tries MQTT 5 and falls back to 3.1.1.
        password_file: The password's only place; its last newline is not part of it.
        home_assistant: Describe the device and its pipelines to Home Assistant.
        sparkplug: Also speak Sparkplug B, on a connection of its own.
        will_delay_s: Grace before the broker says that we are offline.
        session_expiry_s: At least `will_delay_s`.
        reconnect_max_s: Greatest pause between two attempts.
        in_flight: Messages sent and not yet acknowledged.
        puback_timeout_s: Without an answer for so long the connection counts as dead.
        drain_rate_hz: Stored messages sent a second, at most; 0: as fast as the broker takes them.
        drain_delay_s: After a connection stored messages wait for up to so long, at random, so
            that a fleet does not come back all at once.
    """

    host: Text | None = None
    port: Annotated[int, Meta(ge=1, le=65_535)] | None = None
    tls: TlsConfig | None = None
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    username: Text | None = None
    password_file: Text | None = None
    home_assistant: bool = False
    sparkplug: SparkplugConfig | None = None
    keep_alive_s: Annotated[int, Meta(ge=5, le=3600)] = 30
    will_delay_s: Annotated[int, Meta(ge=0, le=3600)] = 15
    session_expiry_s: Annotated[int, Meta(ge=0, le=604_800)] = 3600
    reconnect_max_s: Annotated[float, Meta(ge=1, le=3600)] = 120.0
    in_flight: Annotated[int, Meta(ge=1, le=1000)] = 20
    puback_timeout_s: Annotated[float, Meta(ge=1, le=600)] = 15.0
    drain_rate_hz: Rate = 0.0
    drain_delay_s: Annotated[float, Meta(ge=0, le=3600)] = 0.0

    @property
    def effective_port(self) -> int:
        """Return the port to connect to."""
        return self.port if self.port is not None else (1883 if self.tls is None else 8883)


class HealthConfig(Table, frozen=True):
    """How often health is published."""

    interval_s: Annotated[float, Meta(ge=1, le=3600)] = 30.0


class CommandsConfig(Table, frozen=True):
    """Who may command the device by MQTT.

    Attributes:
        fleet_key_file: Ed25519 public key (PEM). With it, commands that change anything and wishes
            (`cfg/desired`) have to be signed; without it the broker's access rules decide alone.
    """

    fleet_key_file: Text | None = None


class OutboxConfig(Table, frozen=True):
    """Bounds of the store of messages that wait for the broker.

    Attributes:
        max_bytes: Of payloads.
        max_messages: Rows.
        max_age_s: Older ones are dropped and counted.
        max_loss_window_s: At most so much is lost at a power cut; 0 commits at once, as alerts do.
            What the broker acknowledges within it never touches the flash.
        stage: Keep what is not committed in memory that outlives the process, too (systemd's
            RuntimeDirectory): a crash then loses nothing, a power cut the loss window.
        strict: Keep events until their consumer confirms them on `ack`, whatever the broker says.
        max_written_mb_per_day: To spare a flash card; where it is spent, a commit may wait for up
            to 10 minutes, and health says so.
    """

    max_bytes: Annotated[int, Meta(ge=1 << 16, le=1 << 36)] = 256 << 20
    max_messages: Annotated[int, Meta(ge=10, le=100_000_000)] = 500_000
    max_age_s: Annotated[float, Meta(ge=1, le=365 * 86_400)] = 7 * 86_400.0
    max_loss_window_s: Annotated[float, Meta(ge=0, le=600)] = 0.2
    stage: bool = False
    strict: bool = False
    max_written_mb_per_day: Annotated[float, Meta(ge=1, le=1e6)] | None = None


class PublishConfig(Table, frozen=True):
    """What of a pipeline's predictions leaves the device.

    Attributes:
        predictions: `pred` (QoS 0, lost while the broker is away): every one, those that differ
            from the one before, or none. At most `max_rate_hz` of them.
        events: `event` and `state` (QoS 1, kept while the broker is away).
        keep: "events" keeps changes only. "all" makes every prediction an event as well, so that
            a sensor's stream arrives complete and in order, whatever the broker does meanwhile.
        max_rate_hz: Of `pred`; 0: no limit. Events are not limited.
        settle: So many predictions in a row that say it begin an event. Followed objects have
            `track.min_hits` instead.
        release: So many in a row that do not say it end the event; None: as `settle`. Followed
            objects have `track.max_misses` instead.
        update_s: From one `update` of an event that lasts to the next; 0: none.
    """

    predictions: Literal["all", "changes", "off"] = "changes"
    events: bool = True
    keep: Literal["events", "all"] = "events"
    max_rate_hz: Rate = 10.0
    settle: Annotated[int, Meta(ge=1, le=1000)] = 1
    release: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    update_s: Annotated[float, Meta(ge=0, le=86_400)] = 0.0


class PipelineConfig(ModelConfig, frozen=True, kw_only=True):
    """One source and one model; what else there is, is empty for most.

    Attributes:
        name: A level of the pipeline's topics.
        max_age_ms: An older frame is dropped before inference, an older result before publishing.
        infer_timeout_s: A frame that all models together take longer for counts as hung, the worker
            is restarted. Where several share a call, the first of them waits for all.
        batch: At most so many frames or windows that wait share one call of the engine; none waits
            for others to come.
        average: Scores and values are the mean over so many frames or windows, this one the last.
        roi: The part of the image that the model sees: left, top, right, bottom, in shares.
        labels: Objects with other labels are left out; empty: none are.
        only_in_zones: Objects outside of all zones are left out.
        zone: Parts of the image with a name.
        gate: What a frame has to pass before the model sees it, in this order.
        track: Follow objects; None: every frame stands for itself.
        stage: Further models, in this order.
        drift: When inputs and outputs count as unlike the calibration data; None: health tells the
            numbers, and only values beyond the calibrated range are an alert.
        view: When an image shows that something is wrong with the camera.
        small_model: Runs in place of `model` while the governor wants it: one that takes and says
            the same.
        recorder: Keep the last seconds in memory; None: nothing is kept.
    """

    name: Name
    source: SourceConfig
    max_age_ms: Annotated[float, Meta(gt=0, le=3_600_000)] | None = None
    infer_timeout_s: Seconds = 30.0
    publish: PublishConfig = PublishConfig()
    batch: Annotated[int, Meta(ge=1, le=64)] = 1
    average: Annotated[int, Meta(ge=1, le=1000)] = 1
    roi: Shares | None = None
    labels: Labels = ()
    only_in_zones: bool = False
    zone: Annotated[tuple[ZoneConfig, ...], Meta(max_length=32)] = ()
    gate: Annotated[tuple[GateConfig, ...], Meta(max_length=8)] = ()
    track: TrackConfig | None = None
    stage: Annotated[tuple[StageConfig, ...], Meta(max_length=8)] = ()
    drift: DriftConfig | None = None
    view: ViewConfig = ViewConfig()
    small_model: Text | None = None
    recorder: RecorderConfig | None = None

    @property
    def models(self) -> tuple[ModelConfig, ...]:
        """Return all models: the pipeline's own, then the further ones."""
        return (self, *self.further_models)

    @property
    def further_models(self) -> tuple[ModelConfig, ...]:
        """Return the models besides the pipeline's own: those of gates, then those of stages."""
        gates = tuple(gate for gate in self.gate if isinstance(gate, ModelGateConfig))
        return (*gates, *self.stage)


class Config(Table, frozen=True, kw_only=True):
    """The whole file.

    Attributes:
        governor: What a hot device gives up; None: nothing.
        models_dir: Where NAME/VERSION/ bundles are; None: `models` in the state directory.
        models_key_file: Ed25519 public key (PEM) that bundles have to be signed with; None: they
            need not be signed, and who may write to `models_dir` decides alone.
    """

    device: DeviceConfig
    mqtt: MqttConfig = MqttConfig()
    health: HealthConfig = HealthConfig()
    outbox: OutboxConfig = OutboxConfig()
    governor: GovernorConfig | None = None
    commands: CommandsConfig = CommandsConfig()
    models_dir: Text | None = None
    models_key_file: Text | None = None
    pipeline: Annotated[tuple[PipelineConfig, ...], Meta(min_length=1, max_length=64)]
