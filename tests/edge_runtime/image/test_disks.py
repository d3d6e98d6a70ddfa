"""The machine is a tree of files in the kernel's form: no test needs a disk to spare."""

import os
from pathlib import Path

import pytest

from edge_runtime.errors import ImageError
from edge_runtime.image.disks import (
    Machine,
    check_boot_directory,
    check_card,
    check_target,
    this_machine,
)

MOUNTS = """\
25 1 8:2 / / rw - ext4 /dev/sda2 rw
26 25 0:5 / /proc rw - proc proc rw
27 25 254:0 / /var rw - ext4 /dev/mapper/var rw
28 25 179:1 / /media/me/boot\\040fs rw - vfat /dev/mmcblk0p1 rw
"""
DISKS = {
    "8:0": "sda",
    "8:2": "sda/sda2",
    "8:16": "sdb",
    "8:17": "sdb/sdb1",
    "8:32": "sdc",
    "8:33": "sdc/sdc1",
    "179:0": "mmcblk0",
    "179:1": "mmcblk0/mmcblk0p1",
    "254:0": "dm-0",
}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """System on sda, /var on LVM on sdc, no swap, a card with a mounted partition, sdb free."""
    root = tmp_path / "machine"
    (root / "sys/dev/block").mkdir(parents=True)
    (root / "sys/class/block").mkdir(parents=True)
    for number, place in DISKS.items():
        directory = root / "sys/devices/block" / place
        directory.mkdir(parents=True, exist_ok=True)
        if "/" in place:
            (directory / "partition").touch()
        (root / "sys/dev/block" / number).symlink_to(directory)
        (root / "sys/class/block" / directory.name).symlink_to(directory)
    slaves = root / "sys/devices/block/dm-0/slaves"
    slaves.mkdir()
    (slaves / "sdc1").symlink_to(root / "sys/devices/block/sdc/sdc1")
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/mountinfo").write_text(MOUNTS)
    (root / "proc/swaps").write_text("Filename Type Size Used Priority\n")
    return this_machine(root)


def test_a_free_card_is_taken(machine: Machine) -> None:
    check_card(Path("/dev/sdb"), "8:16", machine)


@pytest.mark.parametrize("number", ["8:0", "8:2", "8:32"])
def test_the_disk_of_the_system_is_refused_through_lvm_too(machine: Machine, number: str) -> None:
    with pytest.raises(ImageError, match="the disk that this system runs from"):
        check_card(Path("/dev/x"), number, machine)


def test_the_disk_that_is_swapped_to_is_the_systems(machine: Machine) -> None:
    lines = "Filename Type\n/dev/sdb1 partition\n/swapfile file\n"
    (machine.root / "proc/swaps").write_text(lines)

    with pytest.raises(ImageError, match="the disk that this system runs from"):
        check_card(Path("/dev/sdb"), "8:16", machine)


def test_a_mounted_card_is_refused_with_its_place(machine: Machine) -> None:
    with pytest.raises(ImageError, match="is mounted at /media/me/boot fs; umount it first"):
        check_card(Path("/dev/mmcblk0"), "179:0", machine)


def test_a_partition_is_no_card(machine: Machine) -> None:
    with pytest.raises(ImageError, match="is a part of sdb, allowed is a whole card"):
        check_card(Path("/dev/sdb1"), "8:17", machine)


def test_an_unknown_device_is_refused(machine: Machine) -> None:
    with pytest.raises(ImageError, match="nothing known"):
        check_card(Path("/dev/y"), "9:9", machine)


def test_a_boot_directory_of_the_running_system_is_refused(machine: Machine) -> None:
    with pytest.raises(ImageError, match="belongs to the system that runs here"):
        check_boot_directory(Path("/boot/../boot"), "8:2", machine)


def test_a_mount_of_the_systems_disk_is_refused(machine: Machine, tmp_path: Path) -> None:
    line = f"29 25 8:2 / {tmp_path} rw - vfat /dev/sda1 rw\n"
    (machine.root / "proc/self/mountinfo").write_text(MOUNTS + line)

    with pytest.raises(ImageError, match="lies on the disk that this system runs from"):
        check_boot_directory(tmp_path, "8:2", this_machine(machine.root))


def test_a_mounted_cards_boot_directory_is_taken(machine: Machine) -> None:
    check_boot_directory(Path("/media/me/boot fs"), "179:1", machine)


def test_an_image_that_is_attached_is_refused(machine: Machine, tmp_path: Path) -> None:
    image = tmp_path / "sd.img"
    image.touch()
    loop = machine.root / "sys/block/loop3/loop"
    loop.mkdir(parents=True)
    (loop / "backing_file").write_text(f"{image}\n")

    with pytest.raises(ImageError, match="is attached to /dev/loop3"):
        check_target(image, machine)


def test_what_is_not_there_and_what_is_no_card_are_refused(
    machine: Machine, tmp_path: Path
) -> None:
    with pytest.raises(ImageError, match="No such file"):
        check_target(tmp_path / "none.img", machine)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageError, match="allowed are an image file, a card"):
        check_target(tmp_path / "pipe", machine)


def test_files_and_directories_that_nobody_uses_are_taken(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "sd.img").touch()
    check_target(tmp_path / "sd.img", machine)
    check_target(tmp_path, machine)


def test_this_very_machines_disk_is_refused() -> None:
    machine = this_machine()
    disks = sorted(machine.system_disks())
    if not disks or not Path("/dev", disks[0]).is_block_device():
        pytest.skip("no disk is seen from here")

    with pytest.raises(ImageError, match="the disk that this system runs from"):
        check_target(Path("/dev", disks[0]), machine)
