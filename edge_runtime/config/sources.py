"""The tables `[pipeline.source]`: one frozen struct per kind; its tag is the kind.

Sensors are in `sensors`, what all share in `source`.
"""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from edge_runtime.config.sensors import (
    I2cConfig,
    IioConfig,
    MicrophoneConfig,
    ModbusConfig,
    MqttSourceConfig,
    SerialConfig,
    WavConfig,
)
from edge_runtime.config.source import AskingRate, LiveImages, Source
from edge_runtime.config.values import Pixels, Rate, Seconds, Text


class FilesConfig(Source, frozen=True, kw_only=True, tag="files"):
    """A folder of images or `.npy` arrays, in the order of their names.

    Attributes:
        fps: 0: as fast as the model takes them.
        loop: False: once, every one of them, however long the model takes.
    """

    path: Text
    fps: Rate = 0.0
    loop: bool = False


class VideoConfig(Source, frozen=True, kw_only=True, tag="video"):
    """A video file, paced as a camera would be.

    Attributes:
        fps: None: the file's own. 0: every frame, as fast as the model takes them.
    """

    path: Text
    fps: Rate | None = None
    loop: bool = False


class CameraConfig(LiveImages, frozen=True, kw_only=True, tag="camera"):
    """A camera through OpenCV: exactly one of device, url and gstreamer.

    Attributes:
        device: V4L2 path or index.
        url: RTSP or HTTP stream; user and password may stand in `url_file` instead.
        url_file: File whose one line is the url, for urls with a password.
        gstreamer: Pipeline that ends in `appsink`.
        pixel_format: Of a V4L2 camera. mjpg: JPEGs, decoded once; raw: what the driver converts;
            auto: JPEGs where the camera has them.
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
    pixel_format: Literal["auto", "mjpg", "raw"] = "auto"
    transport: Literal["tcp", "udp"] = "tcp"
    open_timeout_s: Annotated[float, Meta(gt=0, le=25)] = 10.0
    read_timeout_s: Seconds = 10.0
    flush: Annotated[int, Meta(ge=0, le=100)] = 0


class PicameraConfig(LiveImages, frozen=True, kw_only=True, tag="picamera"):
    """A Raspberry Pi's CSI camera, by the system's picamera2.

    Attributes:
        index: Which camera.
        buffers: Frames that the camera may fill ahead; each takes contiguous memory.
    """

    index: Annotated[int, Meta(ge=0, le=7)] = 0
    width: Pixels = 1280
    height: Pixels = 720
    fps: AskingRate = 10.0
    buffers: Annotated[int, Meta(ge=2, le=16)] = 4


class HttpConfig(LiveImages, frozen=True, kw_only=True, tag="http"):
    """A camera's picture at an address; exactly one of url and url_file.

    Attributes:
        url_file: File whose one line is the url, for urls with a password.
        interval_s: From one request to the next.
        timeout_s: Of each step of a request, and of its whole answer.
        max_bytes: Of a picture.
    """

    url: Text | None = None
    url_file: Text | None = None
    interval_s: Annotated[float, Meta(ge=0.02, le=86_400)] = 1.0
    timeout_s: Annotated[float, Meta(gt=0, le=25)] = 5.0
    max_bytes: Annotated[int, Meta(ge=1024, le=1 << 28)] = 16 << 20


class CsvConfig(Source, frozen=True, kw_only=True, tag="csv"):
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


class SyntheticConfig(Source, frozen=True, kw_only=True, tag="synthetic"):
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


class MicrocontrollerConfig(Source, frozen=True, kw_only=True, tag="microcontroller"):
    """Inferences of a microcontroller that runs the bundle's model as exported C, by serial.

    Attributes:
        port: Such as /dev/serial/by-id/....
        silence_s: Without a line for so long the port is opened again.
    """

    port: Text
    baud_rate: Annotated[int, Meta(ge=300, le=12_000_000)] = 115_200
    silence_s: Seconds = 30.0


SourceConfig: TypeAlias = (
    FilesConfig
    | VideoConfig
    | CameraConfig
    | PicameraConfig
    | HttpConfig
    | CsvConfig
    | SerialConfig
    | I2cConfig
    | IioConfig
    | ModbusConfig
    | MqttSourceConfig
    | MicrophoneConfig
    | WavConfig
    | SyntheticConfig
    | MicrocontrollerConfig
)
