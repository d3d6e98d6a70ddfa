"""A PlatformIO library: its manifest, and the self-test as a project.

Source: docs.platformio.org, manifests/library-json.
"""

import json

from firmware_export.package.selftest_app import selftest_main, selftest_sketch
from firmware_export.program import Program
from firmware_export.provenance import Provenance

_PROJECT = """; {line}
; pio run -t upload -t monitor; `native` runs on this machine: pio run -e native -t exec
[platformio]
default_envs = native

[env]
lib_deps = symlink://../..

[env:native]
platform = native
build_src_filter = +<native.c>

[env:nano33ble]
platform = nordicnrf52
board = nano33ble
framework = arduino
monitor_speed = 115200
build_src_filter = +<arduino.cpp>
"""


def platformio_files(program: Program, provenance: Provenance) -> dict[str, str]:
    """Return the files of the package: path below the export, and text."""
    example = "examples/SelfTest"
    sketch = selftest_sketch(program, provenance)
    return {
        "library.json": json.dumps(_manifest(program, provenance), indent=2) + "\n",
        f"{example}/platformio.ini": _PROJECT.format(line=provenance.line()),
        f"{example}/src/native.c": selftest_main(program, provenance),
        f"{example}/src/arduino.cpp": f"#include <Arduino.h>\n{sketch}",
    }


def _manifest(program: Program, provenance: Provenance) -> dict[str, object]:
    p = program.prefix
    return {
        "name": p,
        "version": provenance.version,
        "description": f"Int8 inference in C99. {provenance.line()}.",
        "keywords": ["inference", "int8", "neural network", "tflite"],
        "license": "Apache-2.0",
        "frameworks": "*",
        "platforms": "*",
        "headers": [f"{p}.h"],
        "build": {"srcDir": "src", "includeDir": "src", "flags": ["-O2"]},
        "examples": [
            {
                "name": "SelfTest",
                "base": "examples/SelfTest",
                "files": ["platformio.ini", "src/native.c", "src/arduino.cpp"],
            }
        ],
    }
