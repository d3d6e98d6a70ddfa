"""A sensor of Linux' Industrial I/O subsystem, captured by the kernel's buffer."""

import os
import select
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.config.sensors import IioConfig
from edge_runtime.errors import SourceError
from edge_runtime.sources.iio_layout import TIMESTAMP, Layout, decode_scan, read_layout
from edge_runtime.sources.pace import MOMENT_S
from edge_runtime.sources.protocol import Quiet
from edge_runtime.sources.rows import Row, RowReading

MAX_AGE_S = 60.0  # an older stamp is of another clock
_CLOCKS = {
    "realtime": time.CLOCK_REALTIME,
    "monotonic": time.CLOCK_MONOTONIC,
    "boottime": time.CLOCK_BOOTTIME,
}


@dataclass(frozen=True, slots=True)
class IioPlaces:
    """Where the kernel shows its devices."""

    sysfs: Path = Path("/sys/bus/iio/devices")
    dev: Path = Path("/dev")


class IioReader:
    """Rows of a device's channels, each (raw + offset) * scale, with the kernel's timestamps."""

    def __init__(
        self, config: IioConfig, fields: tuple[str, ...], places: IioPlaces | None = None
    ) -> None:
        self._config = config
        self._fields = fields
        self._places = places or IioPlaces()
        self._device: Path | None = None
        self._layout: Layout | None = None
        self._clock: Callable[[], float] | None = None
        self._file: int | None = None
        self._bytes = b""

    def open(self) -> None:
        """Enable the channels, then the buffer; its data come from /dev."""
        self.close()
        try:
            self._device = self._find_device()
            self._prepare(self._device)
            node = self._places.dev / self._device.name
            self._file = os.open(node, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            self.close()
            place = error.filename or self._config.device
            raise SourceError(f"iio {place}: {error.strerror or error}") from error
        self._bytes = b""

    def read(self) -> RowReading:
        """Return the next scan."""
        assert self._layout is not None, "read before open"
        size = self._layout.scan_bytes
        if len(self._bytes) < size and not self._fill(size):
            return Quiet()
        scan, self._bytes = self._bytes[:size], self._bytes[size:]
        found = decode_scan(scan, self._layout)
        return Row(self._values(found), self._age_s(found))

    def close(self) -> None:
        """Disable the buffer, so that another may have the device."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._device is not None:
            with suppress(OSError):
                _write(self._device / "buffer/enable", "0")
            self._device = None

    def _find_device(self) -> Path:
        """Return the device's folder, by its own name (iio:device0) or its driver's (bme680)."""
        folders = sorted(self._places.sysfs.glob("iio:device*"))
        for folder in folders:
            if self._config.device in (folder.name, _text(folder / "name")):
                return folder
        known = ", ".join(f"{f.name} ({_text(f / 'name')})" for f in folders) or "none"
        raise SourceError(f"iio {self._config.device}: no such device; there are {known}")

    def _prepare(self, device: Path) -> None:
        with suppress(OSError):  # still enabled where a process before us was killed
            _write(device / "buffer/enable", "0")
        if self._config.rate_hz is not None:
            # one for the device, or one a kind (in_accel_sampling_frequency), or the trigger's only
            for attribute in sorted(device.glob("*sampling_frequency")):
                _write(attribute, f"{self._config.rate_hz:g}")
        if self._config.trigger is not None:
            _write(device / "trigger/current_trigger", self._config.trigger)
        self._layout = read_layout(device, self._fields)
        scan = device / "scan_elements"
        for switch in sorted(scan.glob("*_en")):
            is_wanted = switch.name.removesuffix("_en") in self._layout.names
            _write(switch, "1" if is_wanted else "0")
        self._clock = self._find_clock(device)
        _write(device / "buffer/length", str(self._config.buffer_length))
        _write(device / "buffer/enable", "1")

    def _find_clock(self, device: Path) -> Callable[[], float] | None:
        if self._layout is None or TIMESTAMP not in self._layout.names:
            return None
        clock = _CLOCKS.get(_text(device / "current_timestamp_clock") or "realtime")
        return None if clock is None else lambda: time.clock_gettime(clock)

    def _fill(self, size: int) -> bool:
        """Take in what the kernel has; return whether a scan is whole."""
        assert self._file is not None, "read before open"
        ready, _, _ = select.select([self._file], [], [], MOMENT_S)
        if not ready:
            return False
        try:
            data = os.read(self._file, size * self._config.buffer_length)
        except BlockingIOError:
            return False
        except OSError as error:
            raise SourceError(f"iio {self._config.device}: {error.strerror or error}") from error
        if not data:
            raise SourceError(f"iio {self._config.device}: the buffer was closed")
        self._bytes += data
        return len(self._bytes) >= size

    def _values(self, found: Mapping[str, float]) -> npt.NDArray[np.float64]:
        return np.array([found[field] for field in self._fields], np.float64)

    def _age_s(self, found: Mapping[str, float]) -> float:
        if self._clock is None:
            return 0.0
        age_s = self._clock() - found[TIMESTAMP] * 1e-9
        return age_s if 0 <= age_s <= MAX_AGE_S else 0.0


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _write(path: Path, text: str) -> None:
    """Write an attribute as sysfs wants it: at once, into what is there."""
    with path.open("r+", encoding="ascii") as file:
        file.write(text)
