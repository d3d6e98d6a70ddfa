"""Registers of a Modbus device, over TCP or a serial line (RTU), read at a steady rate."""

from typing import Any

import numpy as np

from edge_runtime.config.sensors import ModbusConfig, ModbusRegister
from edge_runtime.errors import FrameError, SourceError
from edge_runtime.sources.extras import needed
from edge_runtime.sources.pace import Pace
from edge_runtime.sources.protocol import Quiet, Refusal
from edge_runtime.sources.rows import Row, RowReading


class ModbusReader:
    """Rows of the configured registers, each value * scale + offset."""

    def __init__(self, config: ModbusConfig, fields: tuple[str, ...]) -> None:
        self._config = config
        by_name = {register.name: register for register in config.registers}
        self._registers = tuple(by_name[field] for field in fields)
        self._client: Any = None
        self._pace = Pace(1.0)

    def open(self) -> None:
        """Connect, or open the serial line."""
        self.close()
        client = self._make_client()
        if not client.connect():
            client.close()
            raise SourceError(f"modbus {self._place()}: cannot be reached")
        self._client = client
        self._pace = Pace(1 / self._config.rate_hz)

    def read(self) -> RowReading:
        """Return the next row, at the configured rate.

        Raises:
            SourceError: The device does not answer.
        """
        if not self._pace.has_come():
            return Quiet()
        try:
            values = [self._value(register) for register in self._registers]
        except FrameError as error:
            return Refusal(str(error))
        return Row(np.array(values, np.float64))

    def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _make_client(self) -> Any:
        pymodbus, config = needed("pymodbus.client", "modbus"), self._config
        if config.host is not None:
            return pymodbus.ModbusTcpClient(
                config.host, port=config.tcp_port, timeout=config.timeout_s, retries=0
            )
        needed("serial", "modbus")
        return pymodbus.ModbusSerialClient(
            config.port,
            baudrate=config.baud_rate,
            parity=config.parity[:1].upper(),
            timeout=config.timeout_s,
            retries=0,
        )

    def _value(self, register: ModbusRegister) -> float:
        """Return one register's value; an answer that is a refusal costs the row only."""
        read = getattr(self._client, f"read_{register.table}")
        kind = self._client.DATATYPE[register.type.upper()]
        count = 1 if register.is_bit else kind.value[1]
        try:
            answer = read(register.address, count=count, device_id=self._config.unit)
        except Exception as error:  # pymodbus' own, and OSError; which ones it does not promise
            raise SourceError(f"modbus {self._place()}: {' '.join(str(error).split())}") from error
        if answer.isError():
            raise FrameError(f"register {register.name}: the device refuses: {answer}")
        if register.is_bit:
            return float(answer.bits[0])
        raw = self._client.convert_from_registers(
            answer.registers, kind, word_order=register.word_order
        )
        return float(raw) * register.scale + register.offset

    def _place(self) -> str:
        config = self._config
        return f"{config.host}:{config.tcp_port}" if config.host is not None else str(config.port)
