"""The chips' tables against their makers' worked examples and integer formulas."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.config.sensors import I2cConfig
from edge_runtime.errors import FrameError, SourceError
from edge_runtime.sources.i2c_chips import (
    CHIPS,
    Bme280Trimming,
    Registers,
    compensate_bme280,
    start_chip,
)
from tests.edge_runtime.sources.register_file import FakeBus, RegisterFile

# Bosch BST-BMP280-DS001, the worked example of its §3.12 ("calculating pressure and temperature")
TEMPERATURE, PRESSURE = 519888, 415148
DIG_T = (27504, 26435, -1000)
DIG_P = (36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)
DIG_H = (75, 362, 0, 313, 50, 30)  # of a real BME280
TRIMMING = Bme280Trimming(DIG_T, DIG_P, DIG_H)


def humidity_by_integers(raw: int, fine: int, h: tuple[int, ...]) -> float:
    """The maker's other formula, in 32-bit integers: BST-BME280-DS002 §4.2.3; % as Q22.10."""
    v = fine - 76800
    left = ((raw << 14) - (h[3] << 20) - h[4] * v + 16384) >> 15
    right = (v * h[5]) >> 10
    right = ((right * (((v * h[2]) >> 11) + 32768)) >> 10) + 2097152
    v = left * ((right * h[1] + 8192) >> 14)
    v -= ((((v >> 15) * (v >> 15)) >> 7) * h[0]) >> 4
    return (min(max(v, 0), 419430400) >> 12) / 1024


def bme280() -> RegisterFile:
    chip = RegisterFile()
    chip.put(0xD0, b"\x60")
    chip.put(0x88, struct.pack("<HhhHhhhhhhhh", *DIG_T, *DIG_P) + b"\0" + bytes([DIG_H[0]]))
    h4, h5 = DIG_H[3], DIG_H[4]
    middle = bytes([h4 >> 4, (h4 & 0xF) | (h5 & 0xF) << 4, h5 >> 4])
    chip.put(0xE1, struct.pack("<hB", DIG_H[1], DIG_H[2]) + middle + bytes([DIG_H[5]]))
    raw = PRESSURE << 4, TEMPERATURE << 4
    chip.put(0xF7, b"".join(value.to_bytes(3, "big") for value in raw) + (30000).to_bytes(2, "big"))
    return chip


def started(name: str, chip: RegisterFile, wanted: tuple[str, ...] = (), **keys: object):  # noqa: ANN201
    config = I2cConfig(chip=name, **keys)
    address = CHIPS[name].addresses[0]
    registers = Registers(FakeBus({address: chip}), address, sleep=lambda _: None)
    return start_chip(registers, config, wanted)


def test_the_makers_example_gives_the_makers_numbers() -> None:
    found = compensate_bme280(TEMPERATURE, PRESSURE, 30000, TRIMMING)

    assert found["temperature_celsius"] == pytest.approx(25.08, abs=0.005)
    assert found["pressure_pascal"] == pytest.approx(100653.27, abs=0.05)


@given(st.integers(400_000, 600_000), st.integers(0, 65_535))
def test_humidity_is_that_of_the_integer_formula(temperature: int, raw: int) -> None:
    found = compensate_bme280(temperature, PRESSURE, raw, TRIMMING)
    fine = round(found["temperature_celsius"] * 5120)

    expected = humidity_by_integers(raw, fine, DIG_H)

    assert found["humidity_percent"] == pytest.approx(expected, abs=0.03)  # its steps of 1/1024


def test_the_bme280_is_started_and_read_from_its_registers() -> None:
    chip = bme280()
    read = started("bme280", chip)

    assert chip.written == [(0xF2, b"\x01"), (0xF5, b"\x00"), (0xF4, b"\x27")]
    assert read() == compensate_bme280(TEMPERATURE, PRESSURE, 30000, TRIMMING)


def test_trimming_below_zero_is_read_with_its_sign() -> None:
    chip = bme280()
    chip.put(0xE4, bytes([0xFF, 0xFE & 0x0F | 0x50, 0xF0]) + b"\xe2")
    low, high = bytes(chip.get(0x88, 26)), bytes(chip.get(0xE1, 7))
    from edge_runtime.sources.i2c_chips import _bme280_trimming  # noqa: PLC0415

    assert _bme280_trimming(low, high).h[3:] == (-16 + 14, -256 + 5, -30)


def test_s4_what_a_bme280_holds_before_it_measures_is_refused() -> None:
    chip = bme280()
    chip.put(0xF7, bytes.fromhex("8000008000008000"))

    with pytest.raises(FrameError, match="no measurement yet"):
        started("bme280", chip)()


def test_s4_a_damaged_bme280_is_refused() -> None:
    trimming = Bme280Trimming(DIG_T, (0, *DIG_P[1:]), DIG_H)

    with pytest.raises(FrameError, match="dig_P1 is 0"):
        compensate_bme280(TEMPERATURE, PRESSURE, 30000, trimming)


def test_the_mpu6050_is_woken_and_read_in_its_ranges() -> None:
    chip = RegisterFile({0x75: 0x68})
    chip.put(0x3B, struct.pack(">7h", 16384, -8192, 0, -3413, 131, -262, 32767))

    read = started("mpu6050", chip, accel_range_g=4, gyro_range_dps=500)
    found = read()

    assert chip.written == [(0x6B, b"\1"), (0x1A, b"\3"), (0x1B, b"\x08"), (0x1C, b"\x08")]
    assert [found[f"accel_{axis}_g"] for axis in "xyz"] == [2.0, -1.0, 0.0]
    assert found["gyro_x_dps"] == pytest.approx(2.0, rel=1e-3)  # 65.5 codes a degree/s (table 6.1)
    assert found["gyro_z_dps"] == pytest.approx(500, rel=1e-3)
    assert found["temperature_celsius"] == pytest.approx(-3413 / 340 + 36.53)


def converting(volts: dict[int, float], full_scale: float) -> RegisterFile:
    """An ADS1115: a write that starts a conversion gives the channel's code and says it is done."""

    def convert(chip: RegisterFile, register: int) -> None:
        high, _low = chip.get(1, 2)
        if register == 1 and high & 0x80:
            code = round(volts[(high >> 4 & 7) - 4] / full_scale * 32768)
            chip.put(0, struct.pack(">h", int(np.clip(code, -32768, 32767))))

    return RegisterFile(width=2, on_write=convert)


def test_the_ads1115_converts_the_wanted_channels() -> None:
    chip = converting({0: 1.5, 2: -0.25}, 2.048)

    found = started("ads1115", chip, ("a2_volt", "a0_volt"), range_volt="2.048")()

    assert found == {"a0_volt": 1.5, "a2_volt": -0.25}
    assert chip.written == [(1, b"\xc5\xe3"), (1, b"\xe5\xe3")]  # SBAS444 table 8: OS MUX PGA MODE


def test_s2_an_ads1115_that_never_finishes_is_given_up() -> None:
    def hang(chip: RegisterFile, _register: int) -> None:
        chip.put(1, b"\x45\xe3")

    with pytest.raises(FrameError, match="a1 is not converted in time"):
        started("ads1115", RegisterFile(width=2, on_write=hang), ("a1_volt",))()


def test_another_chip_at_the_address_is_named() -> None:
    with pytest.raises(SourceError, match="bme280 at 0x76: says 0x58, expected is 0x60"):
        started("bme280", RegisterFile({0xD0: 0x58}))  # a BMP280
