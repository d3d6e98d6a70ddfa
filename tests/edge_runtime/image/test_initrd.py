import gzip
import shutil
import subprocess
from pathlib import Path

import pytest

from edge_runtime.errors import ImageError
from edge_runtime.image.initrd import initrd, load_order

DEPENDENCIES = """\
kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko kernel/lib/crc16.ko
kernel/fs/jbd2/jbd2.ko: kernel/lib/base.ko
kernel/lib/crc16.ko:
kernel/lib/base.ko:
kernel/drivers/block/virtio_blk.ko:
kernel/drivers/mmc/host/sdhci-iproc.ko.xz: kernel/drivers/mmc/host/sdhci.ko
kernel/drivers/mmc/host/sdhci.ko:
"""


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    (tmp_path / "modules.dep").write_text(DEPENDENCIES)
    (tmp_path / "modules.builtin").write_text("kernel/drivers/virtio/virtio_mmio.ko\n")
    for line in DEPENDENCIES.splitlines():
        path = tmp_path / line.partition(":")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(path.name.encode())
    return tmp_path


def test_a_module_comes_after_what_it_needs(modules: Path) -> None:
    names = [path.name for path in load_order(modules)]

    assert names.index("sdhci.ko") < names.index("sdhci-iproc.ko.xz")
    assert names.index("crc16.ko") < names.index("ext4.ko")
    assert names.index("jbd2.ko") < names.index("ext4.ko")
    assert len(names) == len(set(names))


def test_a_kernel_without_ext4_is_refused(modules: Path) -> None:
    text = "\n".join(line for line in DEPENDENCIES.splitlines() if "ext4" not in line)
    (modules / "modules.dep").write_text(text)

    with pytest.raises(ImageError, match="no module ext4"):
        load_order(modules)


def test_what_is_built_in_needs_no_module(modules: Path) -> None:
    text = "\n".join(line for line in DEPENDENCIES.splitlines() if "ext4" not in line)
    (modules / "modules.dep").write_text(text)
    (modules / "modules.builtin").write_text("kernel/fs/ext4/ext4.ko\n")

    assert "ext4.ko" not in {path.name for path in load_order(modules)}


@pytest.mark.skipif(shutil.which("cpio") is None, reason="needs cpio")
def test_cpio_reads_it_and_the_same_input_gives_the_same_bytes(
    modules: Path, tmp_path: Path
) -> None:
    data = initrd(modules, b"busybox")
    listed = subprocess.run(
        ["cpio", "--list", "--verbose"],
        input=gzip.decompress(data),
        capture_output=True,
        check=True,
    ).stdout.decode()

    assert "bin/busybox" in listed
    assert any(line.startswith("crw") and "dev/console" in line for line in listed.splitlines())
    assert data == initrd(modules, b"busybox")
