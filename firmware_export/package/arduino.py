"""An Arduino library: recursive layout of format 1.5, with the self-test as a sketch.

Source: Arduino library specification (arduino.github.io/arduino-cli, library-specification).
"""

from firmware_export.package.selftest_app import selftest_sketch
from firmware_export.program import Program
from firmware_export.provenance import Provenance

# The library index's limit for a name is 63 characters; a prefix has at most 40.
_PROPERTIES = """name={p}
version={version}
author=edge-firmware
maintainer=edge-firmware
sentence=Int8 inference of the model {p} in C99.
paragraph={line}. No heap, no start-up work, one static arena of {arena} bytes.
category=Data Processing
url=https://www.arduino.cc/reference/en/libraries/
architectures=*
includes={p}.h
"""


def arduino_files(program: Program, provenance: Provenance) -> dict[str, str]:
    """Return the files of the package: path below the export, and text."""
    p = program.prefix
    properties = _PROPERTIES.format(
        p=p,
        version=provenance.version,
        line=provenance.line(),
        arena=program.arena.size_bytes,
    )
    return {
        "library.properties": properties,
        "keywords.txt": _keywords(program, provenance),
        "examples/SelfTest/SelfTest.ino": selftest_sketch(program, provenance),
    }


def _keywords(program: Program, provenance: Provenance) -> str:
    """Return the words that the editor colours; a single tab stands between word and kind."""
    p, macro = program.prefix, program.prefix.upper()
    functions = [f"{p}_{name}" for name in ("run", "invoke", "selftest")]
    lines = [f"# {provenance.line()}", *(f"{name}\tKEYWORD2" for name in functions)]
    return "\n".join([*lines, f"{macro}_ARENA_BYTES\tLITERAL1", ""])
