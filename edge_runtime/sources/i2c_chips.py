"""What is known of each I2C chip: its addresses, how it is started, how its registers are read.

Numbers and formulas are the makers': Bosch BST-BME280-DS002 (1.6) §4.2, §5.4 and §8.1 (the
compensation in double precision), InvenSense RM-MPU-6000A-00 (4.2), Texas Instruments SBAS444
(ADS1115).
"""

import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from edge_runtime.config.sensors import I2cConfig
from edge_runtime.errors import FrameError, SourceError

Quantities: TypeAlias = Mapping[str, float]
ReadChip: TypeAlias = Callable[[], Quantities]


class Bus(Protocol):
    """The part of `smbus2.SMBus` that is used."""

    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> list[int]:
        """Return `length` bytes from a register on."""

    def write_i2c_block_data(self, i2c_addr: int, register: int, data: list[int]) -> None:
        """Write bytes from a register on."""


@dataclass(frozen=True, slots=True)
class Registers:
    """One chip on a bus."""

    bus: Bus
    address: int
    sleep: Callable[[float], None] = time.sleep

    def read(self, register: int, count: int) -> bytes:
        """Return `count` bytes from a register on."""
        return bytes(self.bus.read_i2c_block_data(self.address, register, count))

    def write(self, register: int, *values: int) -> None:
        """Write bytes from a register on."""
        self.bus.write_i2c_block_data(self.address, register, list(values))


@dataclass(frozen=True, slots=True)
class Chip:
    """A kind of sensor.

    Attributes:
        addresses: It can have; the first is the usual one.
        identity: Register and value that tell it from others; None: it has no such register.
        quantities: What it measures, with the unit.
        start: Configures it and returns how it is read; of all quantities, or those wanted.
    """

    addresses: tuple[int, ...]
    identity: tuple[int, int] | None
    quantities: tuple[str, ...]
    start: Callable[[Registers, I2cConfig, tuple[str, ...]], ReadChip]


def start_chip(registers: Registers, config: I2cConfig, wanted: tuple[str, ...]) -> ReadChip:
    """Return how the chip is read, once it is who it should be.

    Raises:
        SourceError: Another chip answers at this address.
        OSError: None answers.
    """
    chip = CHIPS[config.chip]
    if chip.identity is not None:
        register, expected = chip.identity
        (said,) = registers.read(register, 1)
        if said != expected:
            place = f"i2c {config.chip} at 0x{registers.address:02x}"
            raise SourceError(f"{place}: says 0x{said:02x}, expected is 0x{expected:02x}")
    return chip.start(registers, config, wanted)


_BME280_SKIPPED = (0x80000, 0x80000, 0x8000)  # what the data registers hold before a measurement


def _start_bme280(registers: Registers, _config: I2cConfig, _wanted: tuple[str, ...]) -> ReadChip:
    """All three once, normal mode, 0.5 ms between measurements, no filter."""
    for register, value in ((0xF2, 0x01), (0xF5, 0x00), (0xF4, 0x27)):
        registers.write(register, value)
    trimming = _bme280_trimming(registers.read(0x88, 26), registers.read(0xE1, 7))

    def read() -> Quantities:
        data = registers.read(0xF7, 8)
        pressure = data[0] << 12 | data[1] << 4 | data[2] >> 4
        temperature = data[3] << 12 | data[4] << 4 | data[5] >> 4
        humidity = data[6] << 8 | data[7]
        if (pressure, temperature, humidity) == _BME280_SKIPPED:
            raise FrameError("bme280: no measurement yet")
        return compensate_bme280(temperature, pressure, humidity, trimming)

    return read


@dataclass(frozen=True, slots=True)
class Bme280Trimming:
    """dig_T1..3, dig_P1..9 and dig_H1..6, as the maker burnt them in."""

    t: tuple[int, ...]
    p: tuple[int, ...]
    h: tuple[int, ...]


def _bme280_trimming(low: bytes, high: bytes) -> Bme280Trimming:
    words = struct.unpack("<HhhHhhhhhhhh", low[:24])
    h2, h3 = struct.unpack("<hB", high[:3])
    h4 = struct.unpack("b", high[3:4])[0] << 4 | high[4] & 0x0F
    h5 = struct.unpack("b", high[5:6])[0] << 4 | high[4] >> 4
    h6 = struct.unpack("b", high[6:7])[0]
    return Bme280Trimming(words[:3], words[3:], (low[25], h2, h3, h4, h5, h6))


def compensate_bme280(
    temperature: int, pressure: int, humidity: int, trimming: Bme280Trimming
) -> Quantities:
    """Return °C, Pa and % from raw readings.

    Raises:
        FrameError: The trimming is that of no real chip (its dig_P1 is 0).

    Source: BST-BME280-DS002 §8.1.
    """
    t, p, h = trimming.t, trimming.p, trimming.h
    fine = (temperature / 16384 - t[0] / 1024) * t[1]
    fine += (temperature / 131072 - t[0] / 8192) ** 2 * t[2]
    return {
        "temperature_celsius": fine / 5120,
        "pressure_pascal": _bme280_pressure(pressure, fine, p),
        "humidity_percent": _bme280_humidity(humidity, fine, h),
    }


def _bme280_pressure(raw: int, fine: float, p: tuple[int, ...]) -> float:
    a = fine / 2 - 64000
    b = (a * a * p[5] / 32768 + a * p[4] * 2) / 4 + p[3] * 65536
    a = (1 + (p[2] * a * a / 524288 + p[1] * a) / 524288 / 32768) * p[0]
    if a == 0:
        raise FrameError("bme280: trimming dig_P1 is 0, the chip is damaged")
    pascal = (1048576 - raw - b / 4096) * 6250 / a
    return pascal + (p[8] * pascal * pascal / 2**31 + pascal * p[7] / 32768 + p[6]) / 16


def _bme280_humidity(raw: int, fine: float, h: tuple[int, ...]) -> float:
    a = fine - 76800
    b = raw - (h[3] * 64 + h[4] / 16384 * a)
    percent = b * h[1] / 65536 * (1 + h[5] / 67108864 * a * (1 + h[2] / 67108864 * a))
    percent *= 1 - h[0] * percent / 524288
    return min(100.0, max(0.0, percent))


_MPU6050_ACCELERATION = ("accel_x_g", "accel_y_g", "accel_z_g")
_MPU6050_ROTATION = ("gyro_x_dps", "gyro_y_dps", "gyro_z_dps")


def _start_mpu6050(registers: Registers, config: I2cConfig, _wanted: tuple[str, ...]) -> ReadChip:
    """Awake, clocked by the gyroscope, filtered to 44 Hz, with the wanted ranges."""
    accel, gyro = config.accel_range_g, config.gyro_range_dps
    settings = (
        (0x6B, 0x01),
        (0x1A, 0x03),
        (0x1B, (250, 500, 1000, 2000).index(gyro) << 3),
        (0x1C, (2, 4, 8, 16).index(accel) << 3),
    )
    for register, value in settings:
        registers.write(register, value)

    def read() -> Quantities:
        words = struct.unpack(">7h", registers.read(0x3B, 14))
        found = {
            name: word * accel / 32768
            for name, word in zip(_MPU6050_ACCELERATION, words[:3], strict=True)
        }
        found["temperature_celsius"] = words[3] / 340 + 36.53
        for name, word in zip(_MPU6050_ROTATION, words[4:], strict=True):
            found[name] = word * gyro / 32768
        return found

    return read


_ADS1115_VOLT = {"6.144": 0, "4.096": 1, "2.048": 2, "1.024": 3, "0.512": 4, "0.256": 5}
_ADS1115_CHANNELS = ("a0_volt", "a1_volt", "a2_volt", "a3_volt")
_ADS1115_POLLS = 20


def _start_ads1115(registers: Registers, config: I2cConfig, wanted: tuple[str, ...]) -> ReadChip:
    """One conversion a channel and reading, against ground, at 860 a second."""
    gain, full_scale = _ADS1115_VOLT[config.range_volt], float(config.range_volt)

    def convert(channel: int) -> float:
        # start, single-ended input, gain, single shot; 860/s, comparator off
        registers.write(0x01, 0x81 | (4 + channel) << 4 | gain << 1, 0xE3)
        for _ in range(_ADS1115_POLLS):
            registers.sleep(0.0005)
            if registers.read(0x01, 2)[0] & 0x80:
                (code,) = struct.unpack(">h", registers.read(0x00, 2))
                return float(code * full_scale / 32768)
        raise FrameError(f"ads1115: a{channel} is not converted in time")

    channels = [index for index, name in enumerate(_ADS1115_CHANNELS) if name in wanted]
    return lambda: {_ADS1115_CHANNELS[channel]: convert(channel) for channel in channels}


CHIPS: Mapping[str, Chip] = {
    "bme280": Chip(
        addresses=(0x76, 0x77),
        identity=(0xD0, 0x60),
        quantities=("temperature_celsius", "pressure_pascal", "humidity_percent"),
        start=_start_bme280,
    ),
    "mpu6050": Chip(
        addresses=(0x68, 0x69),
        identity=(0x75, 0x68),
        quantities=(*_MPU6050_ACCELERATION, "temperature_celsius", *_MPU6050_ROTATION),
        start=_start_mpu6050,
    ),
    "ads1115": Chip(
        addresses=(0x48, 0x49, 0x4A, 0x4B),
        identity=None,
        quantities=_ADS1115_CHANNELS,
        start=_start_ads1115,
    ),
}
