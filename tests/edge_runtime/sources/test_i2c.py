"""A chip on a bus, asked at a rate; the bus is a register file."""

import struct
import sys

import numpy as np
import pytest

from edge_runtime.config.sensors import I2cConfig
from edge_runtime.errors import SourceError
from edge_runtime.link import SourceState
from edge_runtime.sources.i2c import I2cReader, open_smbus
from edge_runtime.sources.protocol import Quiet, Refusal
from edge_runtime.sources.rows import Row, RowSettings, RowSource, WindowShape
from tests.edge_runtime.sources.register_file import FakeBus, RegisterFile
from tests.edge_runtime.sources.running import Running

FIELDS = ("accel_x_g", "gyro_z_dps")


class Shaken(FakeBus):
    """An MPU6050 that moves with every reading, can be pulled out and can hang."""

    def __init__(self) -> None:
        self.chip = RegisterFile({0x75: 0x68})
        super().__init__({0x68: self.chip})
        self.readings = 0
        self.is_hung = False

    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> list[int]:
        if register == 0x3B and not self.is_hung:
            self.readings += 1
            self.chip.put(0x3B, struct.pack(">7h", self.readings, 0, 0, 0, 0, 0, -self.readings))
        return super().read_i2c_block_data(i2c_addr, register, length)


def reader(bus: FakeBus, rate_hz: float = 500.0) -> I2cReader:
    return I2cReader(I2cConfig(chip="mpu6050", rate_hz=rate_hz), FIELDS, lambda _: bus)


def running_on(bus: FakeBus, frozen_after: int = 0) -> Running:
    shape = WindowShape(FIELDS, length=2, step=2)
    return Running(RowSource(reader(bus), RowSettings(shape, 500.0, frozen_after)))


def test_rows_are_the_wanted_quantities_in_order() -> None:
    made = reader(Shaken())
    made.open()

    first, second = made.read(), made.read()

    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert second.values.tolist() == [2 * 2 / 32768, -2 * 250 / 32768]
    made.close()


def test_between_two_turns_it_is_quiet() -> None:
    made = reader(Shaken(), rate_hz=0.1)
    made.open()

    assert isinstance(made.read(), Row)
    assert isinstance(made.read(), Quiet)


def test_every_sample_is_accounted_for() -> None:
    bus = Shaken()
    with running_on(bus) as running:
        running.wait_frames(20)
        running.control.stopping.set()

    counters = running.counters()
    assert counters.captured - counters.in_flight == counters.inferred + sum(
        counters.dropped.values()
    )
    assert bus.readings // 2 - counters.captured in (0, 1)
    assert bus.closed > 0


def test_s1_a_chip_that_is_pulled_out_comes_back() -> None:
    bus = Shaken()
    with running_on(bus) as running:
        running.wait_for(SourceState.ONLINE)
        chip = bus.chips.pop(0x68)
        running.wait_for(SourceState.OFFLINE)
        bus.chips[0x68] = chip
        running.wait_for(SourceState.ONLINE)

    assert "Remote I/O error" in running.told[1].why


def test_s4_a_chip_that_is_stuck_is_frozen_until_it_moves() -> None:
    bus = Shaken()
    with running_on(bus, frozen_after=20) as running:
        running.wait_for(SourceState.ONLINE)
        bus.is_hung = True
        running.wait_for(SourceState.FROZEN)
        bus.is_hung = False
        running.wait_for(SourceState.ONLINE)

    assert "column 'accel_x_g' is stuck" in running.told[1].why


def test_s4_a_reading_that_cannot_be_used_is_refused() -> None:
    chip = RegisterFile({0xD0: 0x60})
    chip.put(0xF7, bytes.fromhex("8000008000008000"))
    config = I2cConfig(chip="bme280", address=0x77)
    made = I2cReader(config, ("humidity_percent",), lambda _: FakeBus({0x77: chip}))
    made.open()

    assert isinstance(made.read(), Refusal)


def test_nobody_at_the_address_is_said() -> None:
    made = I2cReader(I2cConfig(chip="ads1115", bus=3), ("a0_volt",), lambda _: FakeBus({}))
    made.open()  # it has no identity; the first reading tells

    with pytest.raises(SourceError, match="i2c ads1115: Remote I/O error"):
        made.read()
    gone = I2cReader(I2cConfig(chip="bme280", bus=3), ("humidity_percent",), lambda _: FakeBus({}))
    with pytest.raises(SourceError, match="bme280 at 0x76 of bus 3: Remote I/O error"):
        gone.open()


def test_a_bus_that_is_not_there_is_said() -> None:
    made = I2cReader(I2cConfig(chip="bme280", bus=251), ("humidity_percent",))

    with pytest.raises(SourceError, match="of bus 251: No such file"):
        made.open()


def test_without_smbus2_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "smbus2", None)

    with pytest.raises(SourceError, match=r"pip install 'edge-runtime\[i2c\]'"):
        open_smbus(1)


def test_the_values_are_floats_of_the_sensors_unit() -> None:
    made = reader(Shaken())
    made.open()
    row = made.read()

    assert isinstance(row, Row)
    assert row.values.dtype == np.float64
