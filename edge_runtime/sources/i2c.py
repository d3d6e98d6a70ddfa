"""A sensor chip on an I2C bus, asked at a steady rate."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from edge_runtime.config.sensors import I2cConfig
from edge_runtime.errors import FrameError, SourceError
from edge_runtime.sources.extras import needed
from edge_runtime.sources.i2c_chips import CHIPS, ReadChip, Registers, start_chip
from edge_runtime.sources.pace import Pace
from edge_runtime.sources.protocol import Quiet, Refusal
from edge_runtime.sources.rows import Row, RowReading


def open_smbus(bus: int) -> Any:
    """Return the bus by smbus2.

    Raises:
        SourceError: smbus2 is not installed.
        OSError: The bus is not there, or not ours.
    """
    return needed("smbus2", "i2c").SMBus(bus)


class I2cReader:
    """Rows of a chip's quantities; `open_bus` is handed in."""

    def __init__(
        self,
        config: I2cConfig,
        fields: tuple[str, ...],
        open_bus: Callable[[int], Any] = open_smbus,
    ) -> None:
        self._config = config
        self._fields = fields
        self._open_bus = open_bus
        self._bus: Any = None
        self._read_chip: ReadChip | None = None
        self._pace = Pace(1.0)

    def open(self) -> None:
        """Open the bus, see that the chip is the right one, start it."""
        self.close()
        config = self._config
        address = config.address if config.address is not None else CHIPS[config.chip].addresses[0]
        try:
            self._bus = self._open_bus(config.bus)
            registers = Registers(self._bus, address)
            self._read_chip = start_chip(registers, config, self._fields)
        except OSError as error:
            place = f"i2c {config.chip} at 0x{address:02x} of bus {config.bus}"
            raise SourceError(f"{place}: {error.strerror or error}") from error
        self._pace = Pace(1 / config.rate_hz)

    def read(self) -> RowReading:
        """Return the next row, at the configured rate."""
        if not self._pace.has_come():
            return Quiet()
        assert self._read_chip is not None, "read before open"
        try:
            found = self._read_chip()
        except FrameError as error:
            return Refusal(str(error))
        except OSError as error:
            config = self._config
            raise SourceError(f"i2c {config.chip}: {error.strerror or error}") from error
        return Row(np.array([found[field] for field in self._fields], np.float64))

    def close(self) -> None:
        """Close the bus."""
        self._read_chip = None
        if self._bus is not None:
            with suppress(OSError):
                self._bus.close()
            self._bus = None
