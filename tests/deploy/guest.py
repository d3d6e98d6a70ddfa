"""A card's image in QEMU's `virt`: the kernel and RAM disk come from its own boot partition."""

import contextlib
import shutil
import sqlite3
import subprocess
import time
from pathlib import Path

from edge_runtime.image.boot_partition import FatPartition, read_partitions
from edge_runtime.image.programs import run
from tests.broker.test_kill import rows

BOARD = [
    "-M",
    "virt",
    "-cpu",
    "cortex-a72",
    "-smp",
    "2",
    "-m",
    "1024",
    "-accel",
    "tcg,thread=multi",
]
KERNEL_WORDS = "console=ttyAMA0 root=LABEL=root-a net.ifnames=0 panic=-1 quiet"


class Guest:
    """One QEMU process; its kill is the power cut (but for what the host's cache still holds)."""

    def __init__(self, image: Path, directory: Path) -> None:
        self.image = image
        self.log = directory / "serial.log"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        boot = FatPartition(image, next(read_partitions(image)))
        for name in ("vmlinuz", "initrd.img"):
            (directory / name).write_bytes(boot.read(name))

    def start(self) -> None:
        program = shutil.which("qemu-system-aarch64")
        assert program is not None
        arguments = [
            program, *BOARD, "-no-reboot", "-display", "none", "-monitor", "none",
            "-kernel", str(self._directory / "vmlinuz"),
            "-initrd", str(self._directory / "initrd.img"),
            "-append", KERNEL_WORDS, "-serial", f"file:{self.log}",
            "-drive", f"if=none,file={self.image},format=raw,id=d0",
            "-device", "virtio-blk-device,drive=d0", "-netdev", "user,id=n0",
            "-device", "virtio-net-device,netdev=n0", "-device", "virtio-rng-device",
        ]  # fmt: skip
        self.started_at = time.monotonic()
        self._process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL)

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def serial(self) -> str:
        return self.log.read_text(errors="replace")

    def committed(self, device: str) -> set[tuple[str, int]]:
        """The (boot, seq) of the events that the outbox on the card holds, after a kill."""
        part = self._directory / "data.img"
        data = list(read_partitions(self.image))[3]
        with self.image.open("rb") as image, part.open("wb") as copy:
            image.seek(data.start_bytes)
            for _ in range(data.size_bytes >> 20):
                chunk = image.read(1 << 20)
                if chunk.strip(b"\0"):
                    copy.write(chunk)
                else:
                    copy.seek(len(chunk), 1)
            copy.truncate(data.size_bytes)
        with contextlib.suppress(Exception):  # 1: repaired by its journal, as the next boot does
            run("e2fsck", "-p", part)
        place = f"/lib/private/edge-runtime/{device}"
        found = self._directory / "outbox.db"
        for suffix in ("", "-wal"):
            found.with_name(found.name + suffix).unlink(missing_ok=True)
            dump = f"dump {place}/outbox.db{suffix} {found}{suffix}"
            run("debugfs", "-R", dump, part)
        try:
            return rows(found)
        except sqlite3.OperationalError as error:
            raise AssertionError(f"no outbox on the card: {error}") from error
