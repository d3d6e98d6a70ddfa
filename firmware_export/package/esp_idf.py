"""An ESP-IDF component: registered sources, and the self-test as a project.

Source: docs.espressif.com, esp-idf api-guides/build-system and component manager manifest.
"""

from firmware_export.package.selftest_app import selftest_main
from firmware_export.program import Program
from firmware_export.provenance import Provenance

_COMPONENT = """# {line}
set(model_sources {p}.c)
if(CONFIG_{macro}_SELFTEST)
  list(APPEND model_sources {p}_selftest.c)
endif()
idf_component_register(SRCS ${{model_sources}} INCLUDE_DIRS ".")
target_compile_options(${{COMPONENT_LIB}} PRIVATE -O2)
"""

_MANIFEST = """# {line}
version: "{version}"
description: Int8 inference of the model {p} in C99
license: Apache-2.0
dependencies:
  idf: ">=5.0"
examples:
  - path: examples/selftest
"""

_KCONFIG = """# {line}
menu "The model {p}"

    config {macro}_SELFTEST
        bool "Golden vectors"
        default n
        help
            {p}_selftest() tells whether this build computes what it should.

endmenu
"""

_PROJECT = """# {line}
cmake_minimum_required(VERSION 3.16)
include($ENV{{IDF_PATH}}/tools/cmake/project.cmake)
project({p}_selftest_app)
"""

_MAIN = """# {line}
idf_component_register(SRCS main.c INCLUDE_DIRS "." REQUIRES {p})
"""

_MAIN_MANIFEST = """# {line}
dependencies:
  {p}:
    version: "*"
    path: ../../..
"""


def esp_idf_files(program: Program, provenance: Provenance) -> dict[str, str]:
    """Return the files of the package: path below the export, and text."""
    values = {
        "p": program.prefix,
        "macro": program.prefix.upper(),
        "line": provenance.line(),
        "version": provenance.version,
    }
    example = "examples/selftest"
    main = selftest_main(program, provenance, head="void app_main(void)", end="")
    defaults = f"# {provenance.line()}\nCONFIG_{values['macro']}_SELFTEST=y\n"
    return {
        "CMakeLists.txt": _COMPONENT.format(**values),
        "idf_component.yml": _MANIFEST.format(**values),
        "Kconfig": _KCONFIG.format(**values),
        f"{example}/CMakeLists.txt": _PROJECT.format(**values),
        f"{example}/sdkconfig.defaults": defaults,
        f"{example}/main/CMakeLists.txt": _MAIN.format(**values),
        f"{example}/main/idf_component.yml": _MAIN_MANIFEST.format(**values),
        f"{example}/main/main.c": main.replace(
            "void app_main(void)\n", "void app_main(void);\n\nvoid app_main(void)\n"
        ),
    }
