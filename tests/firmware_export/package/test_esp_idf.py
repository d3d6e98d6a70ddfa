"""The ESP-IDF component: configured and built by CMake with stand-ins for IDF's functions."""

from pathlib import Path

import pytest

from tests.firmware_export.package.packages import export_package, run, run_kconfig

# As much of IDF's project.cmake as two components need; app_main is called as IDF calls it.
PROJECT = """
set(CONFIG_NET_SELFTEST y)
macro(project name)
  _project(${name} C)
  get_filename_component(net_dir ${CMAKE_CURRENT_SOURCE_DIR}/../.. ABSOLUTE)
  set(COMPONENT_LIB __idf_net)
  add_subdirectory(${net_dir} net)
  set(COMPONENT_LIB __idf_main)
  add_subdirectory(main)
  file(WRITE ${CMAKE_BINARY_DIR}/start.c
    "void app_main(void); int main(void) { app_main(); return 0; }")
  add_executable(app ${CMAKE_BINARY_DIR}/start.c)
  target_link_libraries(app __idf_main)
endmacro()
function(idf_component_register)
  cmake_parse_arguments(ARG "" "" "SRCS;INCLUDE_DIRS;REQUIRES" ${ARGN})
  add_library(${COMPONENT_LIB} STATIC ${ARG_SRCS})
  target_include_directories(${COMPONENT_LIB} PUBLIC ${ARG_INCLUDE_DIRS})
  foreach(component IN LISTS ARG_REQUIRES)
    target_link_libraries(${COMPONENT_LIB} PUBLIC __idf_${component})
  endforeach()
endfunction()
"""


@pytest.mark.cmake
def test_the_example_configures_builds_and_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = export_package("esp-idf", tmp_path / "net")
    tools = tmp_path / "idf" / "tools" / "cmake"
    tools.mkdir(parents=True)
    (tools / "project.cmake").write_text(PROJECT)
    monkeypatch.setenv("IDF_PATH", str(tmp_path / "idf"))

    run(["cmake", "-Wno-dev", "-S", out / "examples" / "selftest", "-B", "build"], tmp_path)
    run(["cmake", "--build", "build"], tmp_path)

    assert run([tmp_path / "build" / "app"], tmp_path) == "net: PASS, 2 vectors\n"


def test_the_manifests_name_what_is_there(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    out = export_package("esp-idf", tmp_path / "net")
    component = yaml.safe_load((out / "idf_component.yml").read_text())
    main = out / "examples" / "selftest" / "main"
    dependency = yaml.safe_load((main / "idf_component.yml").read_text())["dependencies"]["net"]

    assert all((out / example["path"]).is_dir() for example in component["examples"])
    assert (main / dependency["path"]).resolve() == out.resolve()
    assert "CONFIG_NET_SELFTEST=y" in (main.parent / "sdkconfig.defaults").read_text()


@pytest.mark.packager
def test_the_component_manager_takes_both_manifests(tmp_path: Path) -> None:
    out = export_package("esp-idf", tmp_path / "net")

    manifests: list[str | Path] = sorted(out.rglob("idf_component.yml"))
    run(["compote", "manifest", "lint", *manifests], tmp_path)

    assert len(manifests) == 2


@pytest.mark.packager
def test_kconfiglib_takes_the_components_settings(tmp_path: Path) -> None:
    out = export_package("esp-idf", tmp_path / "net")
    (tmp_path / "Kconfig").write_text(f'osource "{out}/Kconfig"\n')
    defaults = (out / "examples" / "selftest" / "sdkconfig.defaults").read_text()
    (tmp_path / ".config").write_text(defaults)

    printed = run_kconfig(tmp_path)

    assert "warning" not in printed
    assert "CONFIG_NET_SELFTEST=y" in (tmp_path / ".config").read_text().splitlines()
