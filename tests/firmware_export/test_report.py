"""The line that a microcontroller prints, compiled here and read as the daemon reads it."""

import base64
import subprocess
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge_runtime.sources.lines import check_line
from tests.firmware_export.kernel_host import SANITIZERS, compile_c

PROGRAM = """#include "edge_report.h"
#include <stdio.h>
static void put(void *context, char character)
{
    (void)fputc(character, (FILE *)context);
}
int main(void)
{
    int8_t bytes[256];
    int i;
    for (i = 0; i < 256; i++) {
        bytes[i] = (int8_t)(i - 128);
    }
    for (i = 0; i <= 6; i++) {
        edge_report(put, stdout, (uint32_t)i, bytes, (uint32_t)i, bytes + 3, (uint32_t)(256 - 3));
    }
    edge_report(put, stdout, 4294967295u, 0, 0u, bytes, 1u);
    return 0;
}
"""


@pytest.mark.gcc
def test_every_line_has_its_check_sum_and_its_codes(tmp_path: Path) -> None:
    source = tmp_path / "report.c"
    source.write_text(PROGRAM)
    compile_c(source, tmp_path / "report", "-std=c99", *SANITIZERS)
    codes = np.arange(-128, 128).astype(np.int8).tobytes()

    printed = subprocess.run([tmp_path / "report"], check=True, capture_output=True).stdout

    lines = [msgspec.json.decode(check_line(line, needs_crc=True)) for line in printed.splitlines()]
    assert [line["seq"] for line in lines] == [0, 1, 2, 3, 4, 5, 6, 2**32 - 1]
    for length, line in enumerate(lines[:-1]):
        assert base64.b64decode(line["input"], validate=True) == codes[:length]
        assert base64.b64decode(line["output"], validate=True) == codes[3:]
    assert "input" not in lines[-1]
    assert base64.b64decode(lines[-1]["output"]) == codes[:1]
