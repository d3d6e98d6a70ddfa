"""The tables of sensors: serial, i2c, iio, modbus, mqtt, microphone, wav."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from edge_runtime.config.source import AskingRate, LiveRows, Repeats, Source
from edge_runtime.config.values import Table, Text, TlsConfig

Port: TypeAlias = Annotated[int, Meta(ge=1, le=65_535)]
BaudRate: TypeAlias = Annotated[int, Meta(ge=50, le=4_000_000)]
SampleRate: TypeAlias = Annotated[int, Meta(ge=1000, le=384_000)]
Channel: TypeAlias = Annotated[int, Meta(ge=0, le=31)]


class SerialConfig(LiveRows, frozen=True, kw_only=True, tag="serial"):
    """Lines from a serial port, as a microcontroller prints them (docs/sources.md).

    Attributes:
        port: As "/dev/ttyACM0", or better a name below /dev/serial/by-id.
        format: A JSON object a line, or numbers between commas.
        header: The names of a CSV line's numbers, in order; empty: the model's columns.
        crc: Refuse lines without a check sum; one that is there is always checked.
    """

    port: Text
    baud_rate: BaudRate = 115_200
    format: Literal["json", "csv"] = "json"
    header: tuple[Text, ...] = ()
    crc: bool = False


class I2cConfig(LiveRows, frozen=True, kw_only=True, tag="i2c"):
    """A sensor chip on an I2C bus.

    Attributes:
        bus: N of /dev/i2c-N.
        address: None: the chip's usual one.
        rate_hz: How often it is asked.
        accel_range_g: Of the mpu6050.
        gyro_range_dps: Of the mpu6050, in degrees a second.
        range_volt: Of the ads1115.
    """

    chip: Literal["bme280", "mpu6050", "ads1115"]
    bus: Annotated[int, Meta(ge=0, le=255)] = 1
    address: Annotated[int, Meta(ge=0x08, le=0x77)] | None = None
    rate_hz: AskingRate = 1.0
    accel_range_g: Literal[2, 4, 8, 16] = 2
    gyro_range_dps: Literal[250, 500, 1000, 2000] = 250
    range_volt: Literal["6.144", "4.096", "2.048", "1.024", "0.512", "0.256"] = "4.096"


class IioConfig(LiveRows, frozen=True, kw_only=True, tag="iio"):
    """A sensor that a kernel driver serves, captured by the kernel's buffer.

    Attributes:
        device: As "iio:device0", or the driver's name for it.
        rate_hz: Written to the driver where it takes one.
        trigger: Name of the trigger that starts each scan, for drivers without one of their own.
        buffer_length: Scans that the kernel keeps for us.
    """

    device: Text
    trigger: Text | None = None
    buffer_length: Annotated[int, Meta(ge=2, le=65_536)] = 128


class ModbusRegister(Table, frozen=True, kw_only=True):
    """One value of a Modbus device: raw * scale + offset.

    Attributes:
        name: A column of the model, or what `fields` maps one to.
        address: From 0, as on the wire (a manual's 40001 is address 0 of the holding registers).
        table: Where it is.
        type: How its 16-bit words make a number; without meaning for coils and discrete inputs.
        word_order: Of values of several words.
    """

    name: Text
    address: Annotated[int, Meta(ge=0, le=65_535)]
    table: Literal["holding_registers", "input_registers", "coils", "discrete_inputs"] = (
        "holding_registers"
    )
    type: Literal["int16", "uint16", "int32", "uint32", "float32", "float64"] = "uint16"
    word_order: Literal["big", "little"] = "big"
    scale: float = 1.0
    offset: float = 0.0

    @property
    def is_bit(self) -> bool:
        """Return whether it is one bit rather than words."""
        return self.table in ("coils", "discrete_inputs")


class ModbusConfig(LiveRows, frozen=True, kw_only=True, tag="modbus"):
    """A Modbus device: by TCP (`host`) or by a serial line (`port`).

    Attributes:
        port: Serial port of an RTU line.
        unit: Number of the device behind the address.
        rate_hz: How often it is asked.
    """

    host: Text | None = None
    tcp_port: Port = 502
    port: Text | None = None
    baud_rate: BaudRate = 19_200
    parity: Literal["none", "even", "odd"] = "none"
    unit: Annotated[int, Meta(ge=0, le=255)] = 1
    timeout_s: Annotated[float, Meta(gt=0, le=25)] = 3.0
    rate_hz: AskingRate = 1.0
    registers: Annotated[tuple[ModbusRegister, ...], Meta(min_length=1, max_length=256)]


class MqttSourceConfig(LiveRows, frozen=True, kw_only=True, tag="mqtt"):
    """Another device's topic, which carries JSON objects (or lists of them).

    Attributes:
        topic: May hold the wildcards + and #.
        port: None: 8883 with TLS, 1883 without.
        password_file: The password's only place.
    """

    host: Text
    topic: Text
    port: Port | None = None
    tls: TlsConfig | None = None
    username: Text | None = None
    password_file: Text | None = None
    keep_alive_s: Annotated[int, Meta(ge=5, le=3600)] = 30

    @property
    def effective_port(self) -> int:
        """Return the port to connect to."""
        return self.port if self.port is not None else (1883 if self.tls is None else 8883)


class MicrophoneConfig(Source, frozen=True, kw_only=True, tag="microphone"):
    """Live sound, by PortAudio.

    Attributes:
        device: Number or part of its name; None: the system's.
        rate_hz: Samples a second, those of the model.
        channel: From 0; a model of several columns takes as many channels from there on.
        columns: Only for a model that declares none itself.
        frozen_after: So many equal blocks of 50 ms in a row are a dead microphone; 0: never.
    """

    device: Text | Annotated[int, Meta(ge=0, le=255)] | None = None
    rate_hz: SampleRate = 16_000
    channel: Channel = 0
    columns: tuple[Text, ...] = ()
    frozen_after: Repeats = 200


class WavConfig(Source, frozen=True, kw_only=True, tag="wav"):
    """A WAV file, or a folder of them in the order of their names.

    Attributes:
        rate_hz: Samples a second, those of the model; files of another rate are refused.
        channel: From 0.
        live: At the pace of the sound; False: as fast as the model takes it.
        loop: False: once, every window of it, however long the model takes.
        columns: Only for a model that declares none itself.
    """

    path: Text
    rate_hz: SampleRate = 16_000
    channel: Channel = 0
    live: bool = False
    loop: bool = False
    columns: tuple[Text, ...] = ()
