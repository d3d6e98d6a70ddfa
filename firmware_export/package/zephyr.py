"""A Zephyr module: a library behind a Kconfig switch, with the self-test as a sample.

Source: docs.zephyrproject.org, develop/modules; the schema in scripts/zephyr_module.py.
"""

from firmware_export.package.selftest_app import selftest_main
from firmware_export.program import Program
from firmware_export.provenance import Provenance

_MODULE = """# {line}
name: {p}
build:
  cmake: zephyr
  kconfig: zephyr/Kconfig
samples:
  - samples
"""

_CMAKE = """# {line}
if(CONFIG_{macro})
  zephyr_library_named({p})
  zephyr_library_sources(${{CMAKE_CURRENT_LIST_DIR}}/../{p}.c)
  zephyr_library_sources_ifdef(CONFIG_{macro}_SELFTEST
    ${{CMAKE_CURRENT_LIST_DIR}}/../{p}_selftest.c)
  zephyr_library_compile_options(-O2)
  zephyr_include_directories(${{CMAKE_CURRENT_LIST_DIR}}/..)
endif()
"""

_KCONFIG = """# {line}
config {macro}
    bool "The model {p}"
    help
      Int8 inference in C99: {p}.h. Takes {arena} bytes of static memory.

config {macro}_SELFTEST
    bool "Golden vectors of the model {p}"
    depends on {macro}
    help
      {p}_selftest() tells whether this build computes what it should.
"""

_SAMPLE_CMAKE = """# {line}
cmake_minimum_required(VERSION 3.20.0)
list(APPEND ZEPHYR_EXTRA_MODULES ${{CMAKE_CURRENT_LIST_DIR}}/../..)
find_package(Zephyr REQUIRED HINTS $ENV{{ZEPHYR_BASE}})
project({p}_selftest_app C)
target_sources(app PRIVATE src/main.c)
"""

_SAMPLE_YAML = """# {line}
sample:
  name: Self-test of the model {p}
tests:
  sample.{p}.selftest:
    tags: inference
    harness: console
    harness_config:
      type: one_line
      regex:
        - "{p}: PASS, .* vectors"
"""


def zephyr_files(program: Program, provenance: Provenance) -> dict[str, str]:
    """Return the files of the package: path below the export, and text."""
    values = {
        "p": program.prefix,
        "macro": program.prefix.upper(),
        "line": provenance.line(),
        "arena": program.arena.size_bytes,
    }
    sample, macro = "samples/selftest", values["macro"]
    switches = f"CONFIG_{macro}=y\nCONFIG_{macro}_SELFTEST=y\n"
    return {
        "zephyr/module.yml": _MODULE.format(**values),
        "zephyr/CMakeLists.txt": _CMAKE.format(**values),
        "zephyr/Kconfig": _KCONFIG.format(**values),
        f"{sample}/CMakeLists.txt": _SAMPLE_CMAKE.format(**values),
        f"{sample}/prj.conf": f"# {provenance.line()}\n{switches}",
        f"{sample}/sample.yaml": _SAMPLE_YAML.format(**values),
        f"{sample}/src/main.c": selftest_main(program, provenance),
    }
