"""pymodbus' own simulator as a device: over TCP on loopback, or over a serial line of two ptys."""

import asyncio
import os
import select
import threading
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

DEADLINE_S = 20.0


class ModbusDevice:
    """Device 1; its holding register 100 counts how often it was read.

    Tables: coils 0.., discrete inputs 0.., holding 0..3 and 100, input 10..11 (low word first).
    """

    def __init__(self, make_server: Callable[[SimDevice], Any]) -> None:
        self.reads = 0
        self.is_hung = False
        self.is_refusing = False
        self._make_server = make_server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="modbus-device")
        self._thread.start()
        self._server: Any = None
        self.start()

    def start(self) -> None:
        self._do(self._start())

    def stop(self) -> None:
        if self._server is not None:
            self._do(self._server.shutdown())
            self._server = None

    def close(self) -> None:
        self.stop()
        self._do(_finish_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_S)
        self._loop.close()

    def _do(self, task: Any) -> None:
        asyncio.run_coroutine_threadsafe(task, self._loop).result(DEADLINE_S)

    async def _start(self) -> None:
        self._server = self._make_server(self._device())
        await self._server.serve_forever(background=True)

    def _device(self) -> SimDevice:
        coils = [SimData(0, values=[True, False, True], datatype=DataType.BITS)]
        inputs = [SimData(0, values=[False, True], datatype=DataType.BITS)]
        holding = [
            SimData(0, values=[0xFFFE], datatype=DataType.REGISTERS),
            SimData(1, values=70_000, datatype=DataType.INT32),
            SimData(3, values=1.5, datatype=DataType.FLOAT32),
            SimData(100, values=[0], datatype=DataType.REGISTERS),
        ]
        low_first = [SimData(10, values=[0x0000, 0x3FC0], datatype=DataType.REGISTERS)]
        tables = (coils, inputs, holding, low_first)
        return SimDevice(1, simdata=tables, action=self._act)

    async def _act(
        self, _code: int, start: int, address: int, _count: int, registers: list[int], _set: Any
    ) -> ExcCodes | None:
        while self.is_hung:  # noqa: ASYNC110 (set from another thread)
            await asyncio.sleep(0.01)
        if self.is_refusing:
            return ExcCodes.DEVICE_BUSY
        if address == 100:
            self.reads += 1
            registers[address - start] = self.reads & 0xFFFF
        return None


async def _finish_tasks() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def tcp_device(port: int) -> ModbusDevice:
    return ModbusDevice(lambda device: ModbusTcpServer(device, address=("127.0.0.1", port)))


class SerialLine:
    """Two pseudo-terminals, joined: what one end writes the other reads."""

    def __init__(self, folder: Path) -> None:
        pairs = [os.openpty() for _ in range(2)]
        self._files = [file for pair in pairs for file in pair]
        for file in self._files:
            tty.setraw(file)
        self._masters = [pair[0] for pair in pairs]
        self.ends = [folder / "ttyA", folder / "ttyB"]
        for end, pair in zip(self.ends, pairs, strict=True):
            end.symlink_to(os.ttyname(pair[1]))
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._carry, name="serial-line")
        self._thread.start()

    def close(self) -> None:
        self._is_over.set()
        self._thread.join(DEADLINE_S)
        for file in self._files:
            os.close(file)

    def _carry(self) -> None:
        one, other = self._masters
        while not self._is_over.is_set():
            for file in select.select([one, other], [], [], 0.05)[0]:
                os.write(other if file is one else one, os.read(file, 4096))


def rtu_device(port: Path) -> ModbusDevice:
    return ModbusDevice(lambda device: ModbusSerialServer(device, port=str(port), baudrate=19_200))
