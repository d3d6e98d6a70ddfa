"""A kernel's IIO device as files: its tree below /sys/bus/iio, and a FIFO for its buffer."""

import os
import struct
import time
from pathlib import Path

from edge_runtime.sources.iio import IioPlaces

# An accelerometer of 12 bits above 4 others, as lis3dh's driver has it, and a big-endian channel.
TYPES = {
    "in_accel_x": "le:s12/16>>4",
    "in_accel_y": "le:s12/16>>4",
    "in_temp": "be:u24/32>>8",
    "in_timestamp": "le:s64/64>>0",
}


class IioTree:
    def __init__(self, root: Path, clock: str = "monotonic") -> None:
        self.places = IioPlaces(root / "devices", root / "dev")
        self.device = self.places.sysfs / "iio:device0"
        self.node = self.places.dev / "iio:device0"
        scan, buffer = self.device / "scan_elements", self.device / "buffer"
        for folder in (scan, buffer, self.device / "trigger", self.places.dev):
            folder.mkdir(parents=True)
        self.set("name", "lis3dh")
        self.set("current_timestamp_clock", clock)
        self.set("sampling_frequency", "1")
        self.set("in_accel_scale", "0.5")
        self.set("in_temp_scale", "0.25")
        self.set("in_temp_offset", "-1000")
        self.set("trigger/current_trigger", "")
        self.set("buffer/length", "2")
        self.set("buffer/enable", "0")
        for index, (name, kind) in enumerate(TYPES.items()):
            self.set(f"scan_elements/{name}_en", "0")
            self.set(f"scan_elements/{name}_index", str(index))
            self.set(f"scan_elements/{name}_type", kind)
        os.mkfifo(self.node)
        # Read and write, so that the FIFO neither blocks here nor ends there.
        self._file = os.open(self.node, os.O_RDWR | os.O_NONBLOCK)

    def set(self, name: str, text: str) -> None:
        (self.device / name).write_text(text + "\n", encoding="ascii")

    def get(self, name: str) -> str:
        return (self.device / name).read_text(encoding="ascii").strip()

    def push(self, x: int, y: int, age_s: float = 0.0) -> None:
        """Push a scan of both axes and the timestamp: 2 + 2 + 4 (padding) + 8 bytes."""
        stamp = int((time.monotonic() - age_s) * 1e9)
        self.push_bytes(struct.pack("<hh4xq", x << 4 | 0xF, y << 4, stamp))

    def push_bytes(self, data: bytes) -> None:
        os.write(self._file, data)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
