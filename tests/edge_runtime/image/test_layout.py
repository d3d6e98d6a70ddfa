import pytest

from edge_runtime.errors import ImageError
from edge_runtime.image.layout import ALIGN_BYTES, MIB, plan


def test_partitions_follow_each_other_aligned_and_fill_the_card() -> None:
    layout = plan(2000 * MIB, 300 * MIB, 10 * MIB)
    extents = (layout.boot, layout.root_a, layout.root_b, layout.data)

    assert all(extent.start % ALIGN_BYTES == 0 for extent in extents)
    ends = [extent.start + extent.size for extent in extents]
    assert ends == [*(extent.start for extent in extents[1:]), 2000 * MIB]
    assert layout.root_a.size == layout.root_b.size >= 300 * MIB


def test_a_card_too_small_is_told_what_it_takes() -> None:
    with pytest.raises(ImageError, match=r"image of 500 MiB: too small .* takes 1188 MiB"):
        plan(500 * MIB, 300 * MIB, 10 * MIB)


def test_the_script_names_four_primary_partitions() -> None:
    lines = plan(2000 * MIB, 300 * MIB, 0).script().splitlines()

    assert lines[0] == "label: dos"
    assert [line.rpartition("type=")[2] for line in lines[2:]] == ["c, bootable", "83", "83", "83"]
