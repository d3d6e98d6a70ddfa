"""The Zephyr module: configured and built by CMake with stand-ins for Zephyr's functions."""

from pathlib import Path

import pytest

from tests.firmware_export.package.packages import export_package, run, run_kconfig

# What the module and the sample call, as Zephyr's cmake/modules/extensions.cmake says it.
ZEPHYR = """
set(CONFIG_NET y)
set(CONFIG_NET_SELFTEST y)
macro(zephyr_library_named name)
  set(ZEPHYR_CURRENT_LIBRARY ${name})
  add_library(${name} STATIC)
endmacro()
function(zephyr_library_sources)
  target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()
function(zephyr_library_sources_ifdef feature)
  if(${feature})
    zephyr_library_sources(${ARGN})
  endif()
endfunction()
function(zephyr_library_compile_options)
  target_compile_options(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()
function(zephyr_include_directories)
  include_directories(${ARGN})
  target_include_directories(app PRIVATE ${ARGN})
endfunction()
set(app_file ${CMAKE_CURRENT_BINARY_DIR}/empty.c)
file(WRITE ${app_file} "")
add_executable(app ${app_file})
foreach(module IN LISTS ZEPHYR_EXTRA_MODULES)
  include(${module}/zephyr/CMakeLists.txt)
endforeach()
target_link_libraries(app PRIVATE net)
"""


@pytest.mark.cmake
def test_the_sample_configures_builds_and_passes(tmp_path: Path) -> None:
    out = export_package("zephyr", tmp_path / "net")
    (tmp_path / "zephyr").mkdir()
    (tmp_path / "zephyr" / "ZephyrConfig.cmake").write_text(f"enable_language(C)\n{ZEPHYR}")
    find = f"-DZephyr_DIR={tmp_path / 'zephyr'}"

    run(["cmake", "-Wno-dev", "-S", out / "samples" / "selftest", "-B", "build", find], tmp_path)
    run(["cmake", "--build", "build"], tmp_path)

    assert run([tmp_path / "build" / "app"], tmp_path) == "net: PASS, 2 vectors\n"


def test_the_module_names_files_that_are_there(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    out = export_package("zephyr", tmp_path / "net")
    module = yaml.safe_load((out / "zephyr" / "module.yml").read_text())

    assert module["name"] == "net"
    assert (out / module["build"]["cmake"] / "CMakeLists.txt").is_file()
    assert (out / module["build"]["kconfig"]).is_file()
    assert all((out / path).is_dir() for path in module["samples"])


def test_the_sample_sets_what_kconfig_declares(tmp_path: Path) -> None:
    out = export_package("zephyr", tmp_path / "net")
    declared = {
        f"CONFIG_{line.split()[1]}=y"
        for line in (out / "zephyr" / "Kconfig").read_text().splitlines()
        if line.startswith("config ")
    }

    settings = (out / "samples" / "selftest" / "prj.conf").read_text().splitlines()[1:]
    assert set(settings) == declared


@pytest.mark.packager
def test_kconfiglib_takes_the_samples_settings(tmp_path: Path) -> None:
    out = export_package("zephyr", tmp_path / "net")
    (tmp_path / "Kconfig").write_text(f'osource "{out}/zephyr/Kconfig"\n')
    settings = (out / "samples" / "selftest" / "prj.conf").read_text()
    (tmp_path / ".config").write_text(settings)

    printed = run_kconfig(tmp_path)

    assert "warning" not in printed
    assert set(settings.splitlines()[1:]) <= set((tmp_path / ".config").read_text().splitlines())
