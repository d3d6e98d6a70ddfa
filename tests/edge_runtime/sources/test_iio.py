"""Buffered capture from a tree of files that looks like the kernel's."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_runtime.config.sensors import IioConfig
from edge_runtime.errors import SourceError
from edge_runtime.link import SourceState
from edge_runtime.sources.iio import IioReader
from edge_runtime.sources.protocol import Quiet
from edge_runtime.sources.rows import Row, RowSettings, RowSource, WindowShape
from tests.edge_runtime.sources.iio_tree import IioTree
from tests.edge_runtime.sources.running import Running

FIELDS = ("in_accel_y", "in_accel_x")


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[IioTree]:
    made = IioTree(tmp_path)
    yield made
    made.close()


def reader(tree: IioTree, **keys: object) -> IioReader:
    return IioReader(IioConfig(device="lis3dh", **keys), FIELDS, tree.places)


def test_the_device_is_set_up_and_left_as_it_was(tree: IioTree) -> None:
    made = reader(tree, rate_hz=400.0, trigger="hrtimer0", buffer_length=64)
    made.open()

    assert tree.get("sampling_frequency").startswith("400")
    assert tree.get("trigger/current_trigger") == "hrtimer0"
    assert tree.get("buffer/length").startswith("64")
    enabled = {
        n: tree.get(f"scan_elements/{n}_en") for n in ("in_accel_x", "in_temp", "in_timestamp")
    }
    assert enabled == {"in_accel_x": "1", "in_temp": "0", "in_timestamp": "1"}
    assert tree.get("buffer/enable") == "1"

    made.close()

    assert tree.get("buffer/enable") == "0"


def test_rows_have_the_sensors_unit_and_age(tree: IioTree) -> None:
    made = reader(tree)
    made.open()
    tree.push(100, -200, age_s=0.5)

    row = made.read()

    assert isinstance(row, Row)
    assert row.values.tolist() == [-100.0, 50.0]
    assert 0.5 <= row.age_s < 5
    assert isinstance(made.read(), Quiet)
    made.close()


def test_a_scan_that_comes_in_two_halves_is_one_row(tree: IioTree) -> None:
    made = reader(tree)
    made.open()
    tree.push_bytes(bytes(10))
    assert isinstance(made.read(), Quiet)
    tree.push_bytes(bytes(6))

    assert isinstance(made.read(), Row)
    made.close()


@pytest.mark.parametrize("clock", ["realtime", "monotonic_raw", "boottime"])
def test_a_stamp_of_another_clock_makes_no_age(tmp_path: Path, clock: str) -> None:
    tree = IioTree(tmp_path, clock)
    made = reader(tree)
    made.open()
    tree.push(1, 2, age_s=-1e6)  # a stamp from the future

    row = made.read()

    assert isinstance(row, Row)
    assert row.age_s == 0.0
    made.close()
    tree.close()


def test_every_scan_is_accounted_for(tree: IioTree) -> None:
    shape = WindowShape(FIELDS, length=2, step=1)
    with Running(RowSource(reader(tree), RowSettings(shape, 100.0))) as running:
        running.wait(lambda: running.control.capture_progress > 1)
        for number in range(101):
            tree.push(number, 0)
        running.wait(lambda: running.counters().captured == 100, "100 windows")
        counters = running.settled()

    assert counters.inferred + counters.dropped["full"] == 100
    assert running.values[-1].tolist() == [[0.0, 49.5], [0.0, 50.0]]


def test_s1_a_device_that_goes_and_comes_is_found_again(tree: IioTree) -> None:
    shape = WindowShape(FIELDS, length=1, step=1)
    with Running(RowSource(reader(tree), RowSettings(shape, 100.0))) as running:
        running.wait(lambda: running.control.capture_progress > 1)
        tree.push(1, 2)
        running.wait_for(SourceState.ONLINE)
        hidden = tree.device.with_name("hidden")
        tree.device.rename(hidden)
        tree.close()
        running.wait_for(SourceState.OFFLINE)
        hidden.rename(tree.device)
        tree._file = os.open(tree.node, os.O_RDWR | os.O_NONBLOCK)
        running.wait(lambda: _pushed(tree, running), "a scan after the return")

    assert running.states == [SourceState.ONLINE, SourceState.OFFLINE, SourceState.ONLINE]


def _pushed(tree: IioTree, running: Running) -> bool:
    tree.push(1, 2)
    return running.states[-1] is SourceState.ONLINE


def test_a_device_that_is_not_there_is_named_with_those_that_are(tree: IioTree) -> None:
    made = IioReader(IioConfig(device="bme680"), FIELDS, tree.places)

    with pytest.raises(SourceError, match=r"no such device; there are iio:device0 \(lis3dh\)"):
        made.open()


def test_a_buffer_that_cannot_be_switched_on_is_named(tree: IioTree) -> None:
    (tree.device / "buffer/length").unlink()

    with pytest.raises(SourceError, match="buffer/length: No such file"):
        reader(tree).open()


def test_the_kernels_own_places_are_the_default() -> None:
    with pytest.raises(SourceError, match="iio not-here: no such device"):
        IioReader(IioConfig(device="not-here"), FIELDS).open()


def test_a_rate_of_each_kind_is_set_as_well(tree: IioTree) -> None:
    (tree.device / "sampling_frequency").unlink()
    tree.set("in_accel_sampling_frequency", "1")
    made = reader(tree, rate_hz=25.0)
    made.open()

    assert tree.get("in_accel_sampling_frequency").startswith("25")
    made.close()


def test_without_a_timestamp_a_row_is_as_old_as_its_reading(tree: IioTree) -> None:
    (tree.device / "scan_elements/in_timestamp_en").unlink()
    made = reader(tree)
    made.open()
    tree.push_bytes(bytes(4))

    row = made.read()

    assert isinstance(row, Row)
    assert row.age_s == 0.0
    made.close()


def test_a_device_without_a_node_is_said_and_switched_off(tree: IioTree) -> None:
    tree.node.unlink()

    with pytest.raises(SourceError, match="dev/iio:device0: No such file"):
        reader(tree).open()
    assert tree.get("buffer/enable") == "0"


def test_s1_a_node_that_fails_is_a_lost_device(tree: IioTree) -> None:
    tree.node.unlink()
    tree.node.mkdir()  # opens, and cannot be read
    made = reader(tree)
    made.open()

    with pytest.raises(SourceError, match="iio lis3dh: Is a directory"):
        made.read()
    made.close()


def test_a_device_without_a_name_is_known_by_its_number(tree: IioTree) -> None:
    (tree.device / "name").unlink()
    made = IioReader(IioConfig(device="iio:device0"), FIELDS, tree.places)

    made.open()

    made.close()
