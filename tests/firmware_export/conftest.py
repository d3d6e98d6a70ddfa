"""Fixtures of the exporter's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.firmware_export.kernel_host import C_TESTS, SANITIZERS, KernelHost, compile_c


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelHost]:
    """The C kernels, compiled with sanitizers; any step outside an array ends the test."""
    program: Path = tmp_path_factory.mktemp("kernels") / "server"
    compile_c(C_TESTS / "kernel_server.c", program, "-std=c99", *SANITIZERS)
    with KernelHost(program) as host:
        yield host
