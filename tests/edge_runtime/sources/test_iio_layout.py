"""Scans as the kernel lays them out."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import SourceError
from edge_runtime.sources.iio_layout import (
    Channel,
    ChannelType,
    Layout,
    decode_scan,
    parse_type,
    read_layout,
)
from tests.edge_runtime.sources.iio_tree import IioTree


def test_a_type_is_read_as_the_kernel_writes_it() -> None:
    assert parse_type("le:s12/16>>4") == ChannelType(False, True, 12, 2, 4)
    assert parse_type("be:u24/32X1>>8") == ChannelType(True, False, 24, 4, 8)


@pytest.mark.parametrize(
    "text", ["", "le:s12/16", "le:s12/12>>0", "le:s14/16>>4", "le:s16/16X4>>0"]
)
def test_a_type_that_no_scan_has_is_refused(text: str) -> None:
    with pytest.raises(SourceError, match="channel type"):
        parse_type(text)


@given(st.data(), st.sampled_from([8, 16, 32, 64]), st.booleans(), st.booleans())
def test_every_value_is_read_back_from_among_the_other_bits(
    data: st.DataObject, storage: int, is_signed: bool, is_big: bool
) -> None:
    shift = data.draw(st.integers(0, storage - 2))
    bits = data.draw(st.integers(2, storage - shift))
    low = -(1 << bits - 1) if is_signed else 0
    value = data.draw(st.integers(low, low + (1 << bits) - 1))
    noise = data.draw(st.integers(0, (1 << storage) - 1))
    mask = ((1 << bits) - 1) << shift
    stored = (noise & ~mask) | ((value << shift) & mask)
    kind = ChannelType(is_big, is_signed, bits, storage // 8, shift)
    layout = Layout((Channel("c", kind, 0, 0.0, 1.0),), storage // 8)

    scan = stored.to_bytes(storage // 8, "big" if is_big else "little")

    assert decode_scan(scan, layout)["c"] == float(value)


def test_channels_stand_at_multiples_of_their_size(tmp_path: Path) -> None:
    tree = IioTree(tmp_path)

    layout = read_layout(tree.device, ("in_temp", "in_accel_y"))

    places = {channel.name: channel.at for channel in layout.channels}
    assert places == {"in_accel_y": 0, "in_temp": 4, "in_timestamp": 8}
    assert layout.scan_bytes == 16
    tree.close()


def test_the_scan_is_a_multiple_of_its_largest_channel(tmp_path: Path) -> None:
    tree = IioTree(tmp_path)
    (tree.device / "scan_elements/in_timestamp_en").unlink()
    for name in ("in_accel_y", "in_temp"):
        tree.set(f"scan_elements/{name}_index", {"in_temp": "0", "in_accel_y": "1"}[name])

    assert read_layout(tree.device, ("in_temp", "in_accel_y")).scan_bytes == 8
    tree.close()


def test_a_value_has_its_own_scale_or_that_of_its_kind(tmp_path: Path) -> None:
    tree = IioTree(tmp_path)
    tree.set("in_accel_x_scale", "3")

    layout = read_layout(tree.device, ("in_accel_x", "in_accel_y", "in_temp"))
    found = decode_scan(
        b"\x1f\x00" + b"\xf0\xff" + (2000 << 8).to_bytes(4, "big") + bytes(8), layout
    )

    assert found == {"in_accel_x": 3, "in_accel_y": -0.5, "in_temp": 250, "in_timestamp": 0}
    tree.close()


def test_a_channel_that_is_not_there_is_named(tmp_path: Path) -> None:
    tree = IioTree(tmp_path)

    with pytest.raises(
        SourceError, match="no channel in_accel_z; there are in_accel_x, in_accel_y"
    ):
        read_layout(tree.device, ("in_accel_z",))
    tree.close()
