import re

from firmware_export.kernels import FOLDER, kernel_files


def test_every_kernel_header_is_there_and_self_contained() -> None:
    files = kernel_files()

    names = {name.rsplit("/", 1)[-1] for name in files}
    included = {
        include.rsplit("/", 1)[-1]
        for content in files.values()
        for include in re.findall(r'#include "([^"]+)"', content.decode())
    }
    assert f"{FOLDER}/edge_kernels.h" in files
    assert included <= names


def test_the_kernels_are_in_a_fixed_order() -> None:
    assert list(kernel_files()) == list(kernel_files())
    assert all(name.startswith(f"{FOLDER}/") for name in kernel_files())
