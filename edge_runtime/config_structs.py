"""The shape of the configuration file: one frozen struct per TOML table."""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

Name: TypeAlias = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
Text: TypeAlias = Annotated[str, Meta(min_length=1, max_length=4096)]
Rate: TypeAlias = Annotated[float, Meta(ge=0, le=100_000)]
Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=86_400)]
Pixels: TypeAlias = Annotated[int, Meta(ge=1, le=16_384)]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Shared settings: immutable, unknown keys refused."""


class DeviceConfig(_Table, frozen=True):
    """Who this machine is.

    Attributes:
        id: Also the MQTT client id.
        site: The level above the device in every topic.
    """

    id: Annotated[str, Meta(pattern=r"\A[a-z0-9-]{1,48}\Z")]
    site: Name = "home"


class TlsConfig(_Table, frozen=True):
    """Certificates by file; the system's authorities where `ca` is absent."""

    ca: Text | None = None
    cert: Text | None = None
    key: Text | None = None


class MqttConfig(_Table, frozen=True):
    """The broker and how we speak to it.

    Attributes:
        host: None: the embedded demonstration broker, loopback only.
        port: None: 8883 with TLS, 1883 without.
        protocol: "auto" tries MQTT 5 and falls back to 3.1.1.
        password_file: The password's only place; its last newline is not part of it.
        home_assistant: Describe the device and its pipelines to Home Assistant.
        will_delay_s: Grace before the broker says that we are offline.
        session_expiry_s: At least `will_delay_s`.
        reconnect_max_s: Greatest pause between two attempts.
        in_flight: Messages sent and not yet acknowledged.
        puback_timeout_s: Without an answer for so long the connection counts as dead.
    """

    host: Text | None = None
    port: Annotated[int, Meta(ge=1, le=65_535)] | None = None
    tls: TlsConfig | None = None
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    username: Text | None = None
    password_file: Text | None = None
    home_assistant: bool = False
    keep_alive_s: Annotated[int, Meta(ge=5, le=3600)] = 30
    will_delay_s: Annotated[int, Meta(ge=0, le=3600)] = 15
    session_expiry_s: Annotated[int, Meta(ge=0, le=604_800)] = 3600
    reconnect_max_s: Annotated[float, Meta(ge=1, le=3600)] = 120.0
    in_flight: Annotated[int, Meta(ge=1, le=1000)] = 20
    puback_timeout_s: Annotated[float, Meta(ge=1, le=600)] = 15.0

    @property
    def effective_port(self) -> int:
        """Return the port to connect to."""
        return self.port if self.port is not None else (1883 if self.tls is None else 8883)


class HealthConfig(_Table, frozen=True):
    """How often health is published."""

    interval_s: Annotated[float, Meta(ge=1, le=3600)] = 30.0


class OutboxConfig(_Table, frozen=True):
    """Bounds of the store of messages that wait for the broker.

    Attributes:
        max_bytes: Of payloads.
        max_messages: Rows.
        max_age_s: Older ones are dropped and counted.
        max_loss_window_s: At most so much is lost at a power cut; 0 commits at once, as alerts do.
            What the broker acknowledges within it never touches the flash.
    """

    max_bytes: Annotated[int, Meta(ge=1 << 16, le=1 << 36)] = 256 << 20
    max_messages: Annotated[int, Meta(ge=10, le=100_000_000)] = 500_000
    max_age_s: Annotated[float, Meta(ge=1, le=365 * 86_400)] = 7 * 86_400.0
    max_loss_window_s: Annotated[float, Meta(ge=0, le=600)] = 0.2


class PublishConfig(_Table, frozen=True):
    """What of a pipeline's predictions leaves the device.

    Attributes:
        predictions: `pred` (QoS 0, lost while the broker is away): every one, those that differ
            from the one before, or none. At most `max_rate_hz` of them.
        events: `event` and `state` (QoS 1, kept while the broker is away).
        keep: "events" keeps changes only. "all" makes every prediction an event as well, so that
            a sensor's stream arrives complete and in order, whatever the broker does meanwhile.
        max_rate_hz: Of `pred`; 0: no limit. Events are not limited.
        settle: So many equal predictions in a row make a change.
    """

    predictions: Literal["all", "changes", "off"] = "changes"
    events: bool = True
    keep: Literal["events", "all"] = "events"
    max_rate_hz: Rate = 10.0
    settle: Annotated[int, Meta(ge=1, le=1000)] = 1


class _Source(_Table, frozen=True, tag_field="kind"):
    """What every source takes.

    Attributes:
        name: In payloads; None: the kind.
        stall_after_s: Silence that counts as a stall; None: from the rate (at least 5 s).
        retry_max_s: Greatest pause between two attempts to open it.
    """

    name: Name | None = None
    stall_after_s: Seconds | None = None
    retry_max_s: Seconds = 60.0


class FilesConfig(_Source, frozen=True, kw_only=True, tag="files"):
    """A folder of images or `.npy` arrays, in the order of their names.

    Attributes:
        fps: 0: as fast as the model takes them.
        loop: False: once, every one of them, however long the model takes.
    """

    path: Text
    fps: Rate = 0.0
    loop: bool = False


class VideoConfig(_Source, frozen=True, kw_only=True, tag="video"):
    """A video file, paced as a camera would be.

    Attributes:
        fps: None: the file's own. 0: every frame, as fast as the model takes them.
    """

    path: Text
    fps: Rate | None = None
    loop: bool = False


class CameraConfig(_Source, frozen=True, kw_only=True, tag="camera"):
    """A camera through OpenCV: exactly one of device, url and gstreamer.

    Attributes:
        device: V4L2 path or index.
        url: RTSP or HTTP stream; user and password may stand in `url_file` instead.
        url_file: File whose one line is the url, for urls with a password.
        gstreamer: Pipeline that ends in `appsink`.
        transport: Of RTSP.
        flush: Frames read and dropped after opening (cameras that settle their exposure).
    """

    device: Text | Annotated[int, Meta(ge=0, le=255)] | None = None
    url: Text | None = None
    url_file: Text | None = None
    gstreamer: Text | None = None
    width: Pixels | None = None
    height: Pixels | None = None
    fps: Rate | None = None
    transport: Literal["tcp", "udp"] = "tcp"
    open_timeout_s: Annotated[float, Meta(gt=0, le=25)] = 10.0
    read_timeout_s: Seconds = 10.0
    flush: Annotated[int, Meta(ge=0, le=100)] = 0


class CsvConfig(_Source, frozen=True, kw_only=True, tag="csv"):
    """Rows of a CSV file with a header, replayed as a sensor would deliver them.

    Attributes:
        timestamp_column: Seconds, sets the pace; or
        rate_hz: Rows a second, 0: as fast as the model takes them.
        columns: Only for a model that declares none itself.
    """

    path: Text
    timestamp_column: Text | None = None
    rate_hz: Rate | None = None
    columns: tuple[Text, ...] = ()
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","
    loop: bool = False


class SyntheticConfig(_Source, frozen=True, kw_only=True, tag="synthetic"):
    """Input made from a seed, for trials without hardware.

    Attributes:
        pattern: moving: a bright square wanders over a gradient; sine: one wave a column;
            noise: uniform, an image for image models and samples for others.
        rate_hz: Frames (images) or rows (samples) a second; 0: as fast as the model takes them.
        frames: Ends after so many frames; None: never.
    """

    pattern: Literal["moving", "sine", "noise"] = "moving"
    width: Pixels = 320
    height: Pixels = 240
    rate_hz: Rate = 10.0
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    frames: Annotated[int, Meta(ge=1)] | None = None


SourceConfig: TypeAlias = FilesConfig | VideoConfig | CameraConfig | CsvConfig | SyntheticConfig


class PipelineConfig(_Table, frozen=True, kw_only=True):
    """One source and one model.

    Attributes:
        name: A level of the pipeline's topics.
        model: NAME or NAME@VERSION below `models_dir`, or a path to a bundle.
        engine: "auto" takes what is installed and in the bundle, TFLite first.
        threads: Of the engine; None: cores - 1, at least 1.
        max_age_ms: An older frame is dropped before inference, an older result before publishing.
        threshold: Overrides the decoder's own (anomaly); least score of a class (classification).
        infer_timeout_s: An inference that takes longer counts as hung, the worker is restarted.
    """

    name: Name
    model: Text
    source: SourceConfig
    engine: Literal["auto", "onnx", "tflite"] = "auto"
    threads: Annotated[int, Meta(ge=1, le=256)] | None = None
    max_age_ms: Annotated[float, Meta(gt=0, le=3_600_000)] | None = None
    threshold: Annotated[float, Meta(ge=-1e9, le=1e9)] | None = None
    infer_timeout_s: Seconds = 30.0
    publish: PublishConfig = PublishConfig()


class Config(_Table, frozen=True, kw_only=True):
    """The whole file.

    Attributes:
        models_dir: Where NAME/VERSION/ bundles are; None: `models` in the state directory.
    """

    device: DeviceConfig
    mqtt: MqttConfig = MqttConfig()
    health: HealthConfig = HealthConfig()
    outbox: OutboxConfig = OutboxConfig()
    models_dir: Text | None = None
    pipeline: Annotated[tuple[PipelineConfig, ...], Meta(min_length=1, max_length=64)]
