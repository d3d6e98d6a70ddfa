"""Registers of pymodbus' simulator, over TCP and over a serial line."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_runtime.config.sensors import ModbusConfig, ModbusRegister
from edge_runtime.errors import SourceError
from edge_runtime.link import SourceState
from edge_runtime.sources.modbus import ModbusReader
from edge_runtime.sources.protocol import Quiet, Refusal
from edge_runtime.sources.rows import Row, RowSettings, RowSource, WindowShape
from tests.edge_runtime.sources.modbus_device import (
    ModbusDevice,
    SerialLine,
    rtu_device,
    tcp_device,
)
from tests.edge_runtime.sources.running import Running
from tests.ports import free_port

REGISTERS = (
    ModbusRegister(name="signed", address=0, type="int16"),
    ModbusRegister(name="unsigned", address=0, scale=0.5, offset=1.0),
    ModbusRegister(name="long", address=1, type="int32"),
    ModbusRegister(name="float", address=3, type="float32"),
    ModbusRegister(name="swapped", address=10, table="input_registers", type="float32",
                   word_order="little"),
    ModbusRegister(name="coil", address=2, table="coils"),
    ModbusRegister(name="contact", address=0, table="discrete_inputs"),
    ModbusRegister(name="count", address=100),
)  # fmt: skip
COUNT = WindowShape(("count",), length=1, step=1)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def device(port: int) -> Iterator[ModbusDevice]:
    made = tcp_device(port)
    yield made
    made.is_hung = False
    made.close()


def tcp(port: int, rate_hz: float = 100.0, timeout_s: float = 5.0) -> ModbusConfig:
    return ModbusConfig(
        host="127.0.0.1", tcp_port=port, rate_hz=rate_hz, timeout_s=timeout_s, registers=REGISTERS
    )


def counting(config: ModbusConfig) -> RowSource:
    return RowSource(ModbusReader(config, ("count",)), RowSettings(COUNT, config.rate_hz))


def test_every_type_is_read_as_the_simulator_holds_it(device: ModbusDevice, port: int) -> None:
    fields = tuple(register.name for register in REGISTERS[:-1])
    reader = ModbusReader(tcp(port, rate_hz=0.01), fields)
    reader.open()

    row = reader.read()

    assert isinstance(row, Row)
    assert row.values.tolist() == [-2, 0xFFFE / 2 + 1, 70_000, 1.5, 1.5, 1, 0]
    assert isinstance(reader.read(), Quiet)
    reader.close()


def test_every_answer_is_accounted_for(device: ModbusDevice, port: int) -> None:
    with Running(counting(tcp(port))) as running:
        running.wait_frames(30)

    counters = running.counters()
    assert counters.captured == device.reads
    assert counters.captured - counters.in_flight == counters.inferred + counters.dropped["full"]
    counts = [int(values[0, 0]) for values in running.values]
    assert counts == sorted(set(counts))


def test_the_same_over_a_serial_line(tmp_path: Path) -> None:
    line = SerialLine(tmp_path)
    device = rtu_device(line.ends[0])
    config = ModbusConfig(port=str(line.ends[1]), rate_hz=100, registers=REGISTERS)
    try:
        with Running(counting(config)) as running:
            running.wait_frames(10)
        assert running.counters().captured == device.reads
    finally:
        device.close()
        line.close()


def test_s1_a_device_that_goes_is_found_again(device: ModbusDevice, port: int) -> None:
    with Running(counting(tcp(port))) as running:
        running.wait_for(SourceState.ONLINE)
        device.stop()
        running.wait_for(SourceState.OFFLINE)
        device.start()
        running.wait_for(SourceState.ONLINE)

    assert f"127.0.0.1:{port}" in running.told[1].why


def test_s2_a_device_that_stops_answering_is_given_up_in_time(
    device: ModbusDevice, port: int
) -> None:
    with Running(counting(tcp(port, timeout_s=0.3))) as running:
        running.wait_for(SourceState.ONLINE)
        device.is_hung = True
        running.wait_for(SourceState.OFFLINE)
        device.is_hung = False
        running.wait_for(SourceState.ONLINE)


def test_s4_a_device_that_refuses_is_garbled_until_it_answers(
    device: ModbusDevice, port: int
) -> None:
    with Running(counting(tcp(port))) as running:
        running.wait_for(SourceState.ONLINE)
        device.is_refusing = True
        running.wait_for(SourceState.GARBLED)
        device.is_refusing = False
        running.wait_for(SourceState.ONLINE)
        assert running.settled().dropped["invalid"] >= 11

    assert "register count: the device refuses" in running.told[1].why


def test_a_register_that_is_not_there_is_named(device: ModbusDevice, port: int) -> None:
    wrong = ModbusRegister(name="count", address=4000)
    config = ModbusConfig(host="127.0.0.1", tcp_port=port, registers=(wrong,))
    reader = ModbusReader(config, ("count",))
    reader.open()

    reading = reader.read()

    assert isinstance(reading, Refusal)
    assert "register count: the device refuses" in reading.why
    reader.close()


def test_nobody_at_the_address_is_said(port: int, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=rf"modbus 127.0.0.1:{port}: cannot be reached"):
        ModbusReader(tcp(port), ("count",)).open()
    config = ModbusConfig(port=str(tmp_path / "ttyX"), registers=REGISTERS)
    with pytest.raises(SourceError, match="ttyX: cannot be reached"):
        ModbusReader(config, ("count",)).open()


def test_without_pymodbus_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymodbus.client", None)

    with pytest.raises(SourceError, match=r"pip install 'edge-runtime\[modbus\]'"):
        ModbusReader(tcp(1), ("count",)).open()
