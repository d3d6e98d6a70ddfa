"""Runs the C kernels on this machine, under the address and undefined-behaviour sanitizers."""

import struct
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[2]
KERNELS = ROOT / "firmware_export" / "c"
C_TESTS = ROOT / "tests" / "c"
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1", "-g")

Array = npt.NDArray[Any]
Field = int | Array

OPERATIONS = (
    "conv",
    "depthwise_conv",
    "fully_connected",
    "add",
    "mul",
    "average_pool",
    "max_pool",
    "mean",
    "pad",
    "transpose",
    "concat",
    "softmax",
    "lookup",
    "rescale",
    "quantize",
    "dequantize",
    "requantize",
    "exp_of_negative",
    "reciprocal_of_one_plus",
    "conv_dsp",
    "depthwise_conv_dsp",
    "fully_connected_dsp",
    "sub",
    "extremum",
    "prelu",
    "log_softmax",
    "l2_normalization",
    "log_of_sum",
    "conv_mve",
    "pointwise_conv_mve",
    "depthwise_conv_mve",
    "fully_connected_mve",
    "pointwise_conv",
    "finish_s16",
)


def compile_c(source: Path, target: Path, *options: str, compiler: str = "gcc") -> None:
    """Compile one C file that includes the kernels, with every warning an error."""
    command = [compiler, *WARNINGS, *options, f"-I{KERNELS}", str(source), "-o", str(target)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


class KernelHost:
    """A process that answers requests (tests/c/kernel_server.c says what they hold)."""

    def __init__(self, program: Path) -> None:
        self._log = program.with_suffix(".log").open("w+")
        self._process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=30)
        self._log.close()
        assert error is not None or self._process.returncode == 0

    def __call__(self, operation: str, *fields: Field) -> npt.NDArray[np.int8]:
        """Return the answer's bytes as int8; integers go as int32, arrays with their length."""
        request = [struct.pack("<i", OPERATIONS.index(operation)), *map(_packed, fields)]
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"".join(request))
        self._process.stdin.flush()
        header = self._process.stdout.read(4)
        if len(header) < 4:
            self._process.wait(timeout=30)
            self._log.seek(0)
            raise AssertionError(f"{operation}: the kernel died\n{self._log.read()}")
        return np.frombuffer(self._process.stdout.read(struct.unpack("<i", header)[0]), np.int8)


def _packed(field: Field) -> bytes:
    if isinstance(field, np.ndarray):
        return struct.pack("<i", field.size) + np.ascontiguousarray(field).tobytes()
    return struct.pack("<i", field)
