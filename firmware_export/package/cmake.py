"""A CMake project: one static library with the model, one with its self-test."""

from firmware_export.program import Program
from firmware_export.provenance import Provenance

_TEXT = """# {line}
cmake_minimum_required(VERSION 3.13)
project({p} C)

# The model; link it to your firmware: target_link_libraries(firmware PRIVATE {p})
add_library({p} STATIC {p}.c)
target_include_directories({p} PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}})
set_target_properties({p} PROPERTIES C_STANDARD 99 C_EXTENSIONS OFF)
target_compile_options({p} PRIVATE $<$<C_COMPILER_ID:GNU,Clang>:-O2>)

# Golden vectors; link it where you call {p}_selftest().
add_library({p}_selftest STATIC EXCLUDE_FROM_ALL {p}_selftest.c)
target_link_libraries({p}_selftest PUBLIC {p})
set_target_properties({p}_selftest PROPERTIES C_STANDARD 99 C_EXTENSIONS OFF)
"""


def cmake_files(program: Program, provenance: Provenance) -> dict[str, str]:
    """Return the files of the package: path below the export, and text."""
    return {"CMakeLists.txt": _TEXT.format(p=program.prefix, line=provenance.line())}
