"""How the kernel's IIO buffer lays out a scan, and what its numbers mean.

Source: Linux' Documentation/ABI/testing/sysfs-bus-iio (`scan_elements`) and drivers/iio/
industrialio-buffer.c: each channel stands at a multiple of its own size, the scan's size is a
multiple of the largest.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.errors import SourceError

TIMESTAMP = "in_timestamp"
_TYPE = re.compile(r"(be|le):(s|u)(\d+)/(\d+)(?:X(\d+))?>>(\d+)")


@dataclass(frozen=True, slots=True)
class ChannelType:
    """What a `..._type` file says, as "le:s12/16>>4": 12 of 16 bits, signed, above 4 others."""

    is_big_endian: bool
    is_signed: bool
    bits: int
    storage_bytes: int
    shift: int


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of a scan; its value is (raw + offset) * scale."""

    name: str
    type: ChannelType
    at: int
    offset: float
    scale: float


@dataclass(frozen=True, slots=True)
class Layout:
    """The enabled channels in the order of the kernel."""

    channels: tuple[Channel, ...]
    scan_bytes: int

    @property
    def names(self) -> frozenset[str]:
        """The channels' names."""
        return frozenset(channel.name for channel in self.channels)


def parse_type(text: str) -> ChannelType:
    """Return what a channel's type file says.

    Raises:
        SourceError: Another form, repeated elements, or sizes that no scan has.
    """
    found = _TYPE.fullmatch(text)
    if found is None:
        raise SourceError(f"iio: channel type {text!r}, expected is one like le:s12/16>>4")
    endian, sign, bits, storage, repeat, shift = found.groups()
    if int(storage) not in (8, 16, 32, 64) or int(bits) + int(shift) > int(storage):
        raise SourceError(f"iio: channel type {text!r}: storage is 8, 16, 32 or 64 bits")
    if repeat not in (None, "1"):
        raise SourceError(f"iio: channel type {text!r}: repeated elements are not supported")
    return ChannelType(endian == "be", sign == "s", int(bits), int(storage) // 8, int(shift))


def read_layout(device: Path, wanted: tuple[str, ...]) -> Layout:
    """Return the scan of the wanted channels, and of the timestamp where there is one.

    Raises:
        SourceError: A wanted channel is not there, or of a type that no scan has.
        OSError: An attribute cannot be read.
    """
    scan = device / "scan_elements"
    known = sorted(path.name.removesuffix("_en") for path in scan.glob("*_en"))
    missing = ", ".join(name for name in wanted if name not in known)
    if missing:
        raise SourceError(f"iio {device.name}: no channel {missing}; there are {', '.join(known)}")
    chosen = {*wanted, TIMESTAMP} & {*known}
    ordered = sorted(chosen, key=lambda name: int(_read(scan / f"{name}_index")))
    channels, at = [], 0
    for name in ordered:
        kind = parse_type(_read(scan / f"{name}_type"))
        at = math.ceil(at / kind.storage_bytes) * kind.storage_bytes
        offset, scale = _number(device, name, "offset", 0.0), _number(device, name, "scale", 1.0)
        channels.append(Channel(name, kind, at, offset, scale))
        at += kind.storage_bytes
    largest = max(channel.type.storage_bytes for channel in channels)
    return Layout(tuple(channels), math.ceil(at / largest) * largest)


def decode_scan(scan: bytes, layout: Layout) -> Mapping[str, float]:
    """Return the values of `layout.scan_bytes` bytes by channel; a timestamp in ns."""
    return {
        channel.name: (_raw(scan, channel) + channel.offset) * channel.scale
        for channel in layout.channels
    }


def _raw(scan: bytes, channel: Channel) -> int:
    kind = channel.type
    data = scan[channel.at : channel.at + kind.storage_bytes]
    stored = int.from_bytes(data, "big" if kind.is_big_endian else "little")
    raw = (stored >> kind.shift) & ((1 << kind.bits) - 1)
    is_negative = kind.is_signed and bool(raw >> (kind.bits - 1))
    return raw - (1 << kind.bits) if is_negative else raw


def _number(device: Path, name: str, what: str, default: float) -> float:
    """Return the channel's own attribute, else the one that its type's channels share."""
    without_index = re.sub(r"\d+", "", name)
    for stem in (name, without_index, re.sub(r"_[xyz]$", "", without_index)):
        path = device / f"{stem}_{what}"
        if path.exists():
            return float(_read(path))
    return default


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()
