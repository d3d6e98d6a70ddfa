"""D1 to D6 on file systems of our own: full, read-only, without power, gone back in time."""

import contextlib
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_runtime.host.time_source import TimeSource
from edge_runtime.mqtt.outbox.outbox import Outbox
from edge_runtime.mqtt.outbox.settings import OutboxSettings
from edge_runtime.records import Delivery
from tests.broker.mosquitto import eventually
from tests.chaos import file_writer
from tests.chaos.fault import Fault, endure
from tests.chaos.invariants import violations
from tests.chaos.mounts import abort_journal, make_image, mounted, tmpfs
from tests.chaos.power_cut import cut_again_and_again
from tests.chaos.settings import CUTS, SEED
from tests.chaos.stand import SETTLE_S, Stand

pytestmark = [pytest.mark.timeout(3600)]

Record = Callable[[str, object], None]
CUTS_EACH = [pytest.param(2), pytest.param(CUTS, marks=pytest.mark.slow)]


@pytest.mark.broker
def test_d1_a_full_disk_is_named_and_lived_with(
    tmp_path: Path, disk: Path, record_property: Record
) -> None:
    ballast = disk / "ballast"

    def fill(stand: Stand) -> None:
        stand.link.is_cut = True  # so that there is something to store
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass

    def make_room(stand: Stand) -> None:
        stand.link.heal()
        eventually(lambda: _is_told(stand, "storage: disk_full"), "disk_full told", SETTLE_S)
        ballast.unlink()

    full = Fault("D1", fill, make_room, alert="storage")
    with tmpfs(disk, 12), Stand(tmp_path, state=disk, rate_hz=20.0) as stand:
        stand.start()
        record_property("observed", endure(stand, full, 4.0))


@pytest.mark.broker
def test_d5_a_disk_that_refuses_every_write_is_named_and_lived_with(
    tmp_path: Path, disk: Path, record_property: Record
) -> None:
    image = tmp_path / "image"
    make_image(image)
    with mounted(image, disk), Stand(tmp_path, state=disk, rate_hz=20.0) as stand:
        stand.start()
        abort_journal(disk)
        eventually(lambda: _is_told(stand, "storage: "), "storage told", SETTLE_S)
        stand.wait_for_events(40)

        health = stand.healths()[-1]
        reasons = [text for text in health.reasons if text.startswith("storage")]
        stand.wait_for_health(2)
        assert violations(stand, stand.healths()[-1]) == []
        record_property("observed", f"{reasons[0]}; events went on from memory, none lost")
        stand.daemon.stop()


@pytest.mark.broker
def test_d6_an_older_outbox_is_told(tmp_path: Path, record_property: Record) -> None:
    with Stand(tmp_path, rate_hz=20.0) as stand:
        stand.start()
        stand.daemon.stop()
        shutil.copy(stand.daemon.state / "outbox.db", tmp_path / "older")
        stand.restart()
        epoch = stand.settle().mqtt.outbox.epoch
        stand.link.is_cut = True
        threading.Event().wait(2.0)
        stand.daemon.stop()
        shutil.copy(tmp_path / "older", stand.daemon.state / "outbox.db")
        stand.link.heal()

        stand.restart()

        eventually(lambda: _is_told(stand, "seq_regression: "), "told", SETTLE_S)
        newest = stand.healths()[-1]
        assert newest.mqtt.outbox.epoch != epoch
        stand.wait_for_events(20)
        assert not any(account.altered for account in stand.consumer.accounts().values())
        record_property("observed", newest.reasons[0])


@pytest.mark.parametrize("cuts", CUTS_EACH)
def test_d3_a_power_cut_costs_no_committed_record(
    disk: Path, record_property: Record, cuts: int
) -> None:
    result = cut_again_and_again(
        disk, "tests.chaos.outbox_writer", _last_in_outbox, cuts=cuts, seed=SEED
    )

    record_property("observed", str(result))
    assert result.lost == 0
    assert result.cuts == cuts


@pytest.mark.parametrize("cuts", CUTS_EACH)
def test_d4_a_power_cut_leaves_the_old_file_or_the_new_one(
    disk: Path, record_property: Record, cuts: int
) -> None:
    result = cut_again_and_again(
        disk, "tests.chaos.file_writer", _number_in_file, cuts=cuts, seed=SEED
    )

    record_property("observed", str(result))
    assert result.lost == 0
    assert result.cuts == cuts


def _is_told(stand: Stand, reason: str) -> bool:
    newest = stand.healths()[-1:]
    return any(text.startswith(reason) for health in newest for text in health.reasons)


def _last_in_outbox(directory: Path) -> int:
    """Return the greatest number up to which an outbox holds every one."""
    outbox = Outbox(OutboxSettings(directory / "outbox.db"), TimeSource(), "boot-a")
    try:
        held = [int(row.message.payload) for row in outbox.take(Delivery.ALL, 0, 1_000_000)]
        assert not outbox.status().dropped
        return max((n for n, number in enumerate(held, 1) if n == number), default=0)
    finally:
        outbox.close()


def _number_in_file(directory: Path) -> int:
    data = (directory / file_writer.NAME).read_bytes()
    number = int(data.split(b" ")[0])
    return number if data == file_writer.content(number) else 0
