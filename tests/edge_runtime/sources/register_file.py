"""An I2C bus whose chips are register files: what is written can be read, as on the real ones."""

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass
class RegisterFile:
    """One chip.

    Attributes:
        registers: Bytes by register.
        width: Bytes of a register: a block of a chip of 16-bit registers goes to one of them.
        on_write: What the chip does about a write.
    """

    registers: dict[int, int] = field(default_factory=dict)
    width: int = 1
    on_write: Callable[["RegisterFile", int], None] = lambda _chip, _register: None
    written: list[tuple[int, bytes]] = field(default_factory=list)

    def put(self, register: int, data: bytes) -> None:
        for index, byte in enumerate(data):
            self.registers[register * self.width + index] = byte

    def get(self, register: int, count: int) -> list[int]:
        first = register * self.width
        return [self.registers.get(first + index, 0) for index in range(count)]


class FakeBus:
    """Has the methods of `smbus2.SMBus` that are used; nobody answers at other addresses."""

    def __init__(self, chips: Mapping[int, RegisterFile]) -> None:
        self.chips = dict(chips)
        self.closed = 0

    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> list[int]:
        assert length <= 32, "a block of SMBus holds 32 bytes"
        return self._at(i2c_addr).get(register, length)

    def write_i2c_block_data(self, i2c_addr: int, register: int, data: list[int]) -> None:
        chip = self._at(i2c_addr)
        chip.put(register, bytes(data))
        chip.written.append((register, bytes(data)))
        chip.on_write(chip, register)

    def close(self) -> None:
        self.closed += 1

    def _at(self, address: int) -> RegisterFile:
        if address not in self.chips:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        return self.chips[address]
