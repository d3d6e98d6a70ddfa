"""Where the partitions of our own image lie.

MBR, for a Raspberry Pi 3 knows nothing else: boot (FAT), two roots of one size (the second is kept
free for the next version), and the data, which is all of /var.
"""

from dataclasses import dataclass

from edge_runtime.errors import ImageError

MIB = 1 << 20
ALIGN_BYTES = 4 * MIB  # an SD card's erase block, or a multiple of one
BOOT_BYTES = 256 * MIB
ROOT_SPARE, DATA_SPARE_BYTES = 1.3, 128 * MIB  # of ext4's own, and of what comes to be
BOOT_LABEL, ROOT_LABELS, DATA_LABEL = "BOOT", ("root-a", "root-b"), "data"


@dataclass(frozen=True, slots=True)
class Extent:
    """Bytes on the card."""

    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The four partitions."""

    boot: Extent
    root_a: Extent
    root_b: Extent
    data: Extent
    total: int

    def script(self) -> str:
        """Return the table as sfdisk reads it."""
        rows = [(self.boot, "c, bootable")]
        rows += [(extent, "83") for extent in (self.root_a, self.root_b, self.data)]
        lines = (f"start={e.start // 512}, size={e.size // 512}, type={kind}" for e, kind in rows)
        return "\n".join(["label: dos", "unit: sectors", *lines, ""])


def plan(total: int, root_content: int, data_content: int) -> Layout:
    """Return where everything lies on a card of `total` bytes.

    Raises:
        ImageError: The card is too small for that content.
    """
    total -= total % ALIGN_BYTES
    root = _aligned(int(root_content * ROOT_SPARE))
    data_start = ALIGN_BYTES + BOOT_BYTES + 2 * root
    needed = data_start + _aligned(int(data_content * ROOT_SPARE) + DATA_SPARE_BYTES)
    if total < needed:
        raise ImageError(
            f"image of {total // MIB} MiB: too small for what goes in, which takes "
            f"{needed // MIB} MiB with two roots"
        )
    first_root = ALIGN_BYTES + BOOT_BYTES
    return Layout(
        boot=Extent(ALIGN_BYTES, BOOT_BYTES),
        root_a=Extent(first_root, root),
        root_b=Extent(first_root + root, root),
        data=Extent(data_start, total - data_start),
        total=total,
    )


def _aligned(size: int) -> int:
    return -(-size // ALIGN_BYTES) * ALIGN_BYTES
