"""Readings of the machine: processor, memory, temperature, disk; what cannot be read is None."""

import os
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge_runtime.host.board_sensors import Wifi, gpu_load_pct, has_low_voltage, power_mw, wifi
from edge_runtime.host.written import Written

_MIB = float(1 << 20)
_KIB_PER_MIB = 1024.0
_THROTTLE_NOW, _THROTTLE_SINCE = 0xF, 16  # Raspberry Pi firmware, get_throttled: bits 0-3, 16-19
_THROTTLE_FLAGS = ("under_voltage", "frequency_capped", "throttled", "soft_temperature_limit")


class Throttle(msgspec.Struct, frozen=True):
    """A Raspberry Pi's complaints, now and since it booted."""

    now: tuple[str, ...]
    since_boot: tuple[str, ...]


class HostHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The machine, as `edge.health/1` tells it.

    Attributes:
        cpu_pct: Of all cores together, since the last reading.
        load: Over 1 minute.
        rss_mb: Of the supervisor and its workers.
        psi: Share of time that something waited for cpu, memory, io; over 10 s, in percent.
        temp_c: By the zone's own name.
        bytes_written_1h: To storage, by the supervisor and its workers.
        wifi: By the radio's name.
        gpu_load_pct: Of a Jetson.
        power_mw: Of a Jetson's rails, by their names.
    """

    cpu_pct: float | None
    cpu_freq_mhz: float | None
    load: float | None
    rss_mb: float | None
    mem_avail_mb: float | None
    psi: dict[str, float]
    temp_c: dict[str, float]
    throttle: Throttle | None
    disk_free_mb: float | None
    clock: str
    bytes_written_1h: int = 0
    wifi: dict[str, Wifi] = {}
    gpu_load_pct: float | None = None
    power_mw: dict[str, float] = {}


@dataclass(frozen=True, slots=True)
class _CpuTimes:
    busy: int
    total: int


class HostReader:
    """Reads /proc and /sys below a root that a test may move."""

    def __init__(self, disk: Path, root: Path = Path("/")) -> None:
        self._disk = disk
        self._root = root
        self._cpu = _cpu_times(self._text("proc/stat"))
        self._written = Written(root / "proc")

    def read(self, pids: Collection[int], clock: str) -> HostHealth:
        """Return all readings; `pids` are the processes whose memory counts as ours."""
        frequency = self._number("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq")
        return HostHealth(
            cpu_pct=self._cpu_pct(),
            cpu_freq_mhz=None if frequency is None else frequency / 1000.0,
            load=_first_number(self._text("proc/loadavg")),
            rss_mb=self._rss_mb(pids),
            mem_avail_mb=self._mem_available_mb(),
            psi=self._pressures(),
            temp_c=self.temperatures(),
            throttle=self.throttle(),
            disk_free_mb=self._disk_free_mb(),
            clock=clock,
            bytes_written_1h=self._written.last_hour(pids, time.monotonic()),
            wifi=wifi(self._root),
            gpu_load_pct=gpu_load_pct(self._root),
            power_mw=power_mw(self._root),
        )

    def temperatures(self) -> dict[str, float]:
        """Return degrees Celsius by the zone's own name; empty where the machine has no zones."""
        found = {}
        for zone in sorted((self._root / "sys/class/thermal").glob("thermal_zone*")):
            value = _first_number(_read(zone / "temp"))
            if value is not None:
                found[_read(zone / "type").strip() or zone.name] = value / 1000.0
        return found

    def throttle(self) -> Throttle | None:
        """Return a Raspberry Pi's complaints, None on any other machine."""
        text = self._text("sys/devices/platform/soc/soc:firmware/get_throttled").strip()
        try:
            bits = int(text, 16)
        except ValueError:  # a kernel without the vendor's driver tells the voltage alone
            return Throttle(("under_voltage",), ()) if has_low_voltage(self._root) else None
        return Throttle(_flags(bits & _THROTTLE_NOW), _flags(bits >> _THROTTLE_SINCE))

    def _cpu_pct(self) -> float | None:
        before, self._cpu = self._cpu, _cpu_times(self._text("proc/stat"))
        if before is None or self._cpu is None or self._cpu.total <= before.total:
            return None
        share = (self._cpu.busy - before.busy) / (self._cpu.total - before.total)
        return round(100.0 * share, 1)

    def _rss_mb(self, pids: Iterable[int]) -> float | None:
        sizes = [_field_kib(self._text(f"proc/{pid}/status"), "VmRSS:") for pid in pids]
        known = [size for size in sizes if size is not None]
        return round(sum(known) / _KIB_PER_MIB, 1) if known else None

    def _mem_available_mb(self) -> float | None:
        kib = _field_kib(self._text("proc/meminfo"), "MemAvailable:")
        return None if kib is None else round(kib / _KIB_PER_MIB, 1)

    def _pressures(self) -> dict[str, float]:
        found = {}
        for name in ("cpu", "memory", "io"):
            _, _, rest = self._text(f"proc/pressure/{name}").partition("avg10=")
            value = _first_number(rest)
            if value is not None:
                found[name] = value
        return found

    def _disk_free_mb(self) -> float | None:
        try:
            disk = os.statvfs(self._disk)
        except OSError:
            return None
        return round(disk.f_bavail * disk.f_frsize / _MIB, 1)

    def _number(self, path: str) -> float | None:
        return _first_number(self._text(path))

    def _text(self, path: str) -> str:
        return _read(self._root / path)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _first_number(text: str) -> float | None:
    try:
        return float(text.split(maxsplit=1)[0])
    except (IndexError, ValueError):
        return None


def _field_kib(text: str, name: str) -> float | None:
    _, found, rest = text.partition(name)
    return _first_number(rest) if found else None


def _cpu_times(stat: str) -> _CpuTimes | None:
    """Return the first line of /proc/stat: user nice system idle iowait irq softirq steal."""
    words = stat.partition("\n")[0].split()
    if len(words) < 9 or words[0] != "cpu":
        return None
    times = [int(word) for word in words[1:9]]
    return _CpuTimes(busy=sum(times) - times[3] - times[4], total=sum(times))


def _flags(bits: int) -> tuple[str, ...]:
    return tuple(name for bit, name in enumerate(_THROTTLE_FLAGS) if bits >> bit & 1)
