"""What boards tell beyond what every Linux does: Jetson's power and GPU, a radio's strength.

Sources: kernel documentation, hwmon/ina3221.rst (in and curr in mV and mA) and
hwmon/raspberrypi-hwmon.rst (in0_lcrit_alarm); NVIDIA Jetson Linux developer guide (load of the GPU
in tenths of a percent); wireless statistics as iwconfig(8) explains them.
"""

from pathlib import Path

import msgspec

_GPU_LOADS = (
    "sys/devices/platform/gpu.0/load",
    "sys/devices/gpu.0/load",
    "sys/devices/platform/bus@0/17000000.gpu/load",
)


class Wifi(msgspec.Struct, frozen=True):
    """A radio's link: quality as the driver counts it (mostly of 70), level in dBm."""

    quality: float
    level_dbm: float


def gpu_load_pct(root: Path) -> float | None:
    """Return how busy a Jetson's GPU is, None where there is none."""
    for path in _GPU_LOADS:
        value = _number(root / path)
        if value is not None:
            return value / 10.0
    return None


def power_mw(root: Path) -> dict[str, float]:
    """Return what each rail of an INA3221 draws, in mW by the rail's name."""
    found = {}
    for monitor in sorted((root / "sys/class/hwmon").glob("hwmon*")):
        if _text(monitor / "name") != "ina3221":
            continue
        for channel in (1, 2, 3):
            voltage, current = (_number(monitor / f"{k}{channel}_input") for k in ("in", "curr"))
            if voltage is not None and current is not None:
                name = _text(monitor / f"in{channel}_label") or f"rail{channel}"
                found[name] = round(voltage * current / 1000.0, 1)
    return found


def has_low_voltage(root: Path) -> bool:
    """Return whether a Raspberry Pi's own driver says so."""
    return any(
        _number(monitor / "in0_lcrit_alarm") == 1.0
        for monitor in (root / "sys/class/hwmon").glob("hwmon*")
        if _text(monitor / "name") == "rpi_volt"
    )


def wifi(root: Path) -> dict[str, Wifi]:
    """Return the link of each radio by its name; empty without one."""
    found = {}
    for line in _text(root / "proc/net/wireless").splitlines()[2:]:
        name, _, rest = line.partition(":")
        words = rest.split()
        try:
            found[name.strip()] = Wifi(float(words[1].rstrip(".")), float(words[2].rstrip(".")))
        except (IndexError, ValueError):
            continue
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _number(path: Path) -> float | None:
    try:
        return float(_text(path))
    except ValueError:
        return None
