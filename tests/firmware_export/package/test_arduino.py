"""The rules of arduino-lint that bear on a generated library, and the sketch compiled and run."""

import re
from pathlib import Path

import pytest

from tests.firmware_export.package.packages import WARNINGS, export_package, run

CATEGORIES = {
    "Display",
    "Communication",
    "Signal Input/Output",
    "Sensors",
    "Device Control",
    "Timing",
    "Data Storage",
    "Data Processing",
    "Other",
}
REQUIRED = ("name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url")
# As much of Arduino.h as the sketch uses.
ARDUINO_H = """
#pragma once
#include <cstdint>
#include <iostream>
struct Console {
  void begin(long) {}
  explicit operator bool() const { return true; }
  template <class T> void print(T value) { std::cout << value; }
  template <class T> void println(T value) { std::cout << value << std::endl; }
};
inline Console Serial;
inline unsigned long millis() { return 0; }
inline unsigned long micros() { return 0; }
"""


def properties(out: Path) -> dict[str, str]:
    lines = (out / "library.properties").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_the_properties_follow_the_rules(tmp_path: Path) -> None:
    out = export_package("arduino", tmp_path / "net")
    values = properties(out)

    assert all(values[key].strip() == values[key] != "" for key in REQUIRED)  # LP rules: missing
    assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9 _.\-]{0,62}", values["name"])
    assert "arduino" not in values["name"].lower()
    assert "library" not in values["name"].lower()
    assert re.fullmatch(r"\d+\.\d+\.\d+", values["version"])
    assert values["category"] in CATEGORIES
    assert values["architectures"] == "*"
    assert values["url"].startswith("https://")
    assert not values["paragraph"].startswith(values["sentence"])
    assert all((out / "src" / name).is_file() for name in values["includes"].split(","))


def test_the_folders_follow_the_rules(tmp_path: Path) -> None:
    out = export_package("arduino", tmp_path / "net")

    sketches = [path.relative_to(out).as_posix() for path in out.rglob("*.ino")]
    assert sketches == ["examples/SelfTest/SelfTest.ino"]
    assert not list(out.glob("*.[ch]"))  # sources lie in src/ and nowhere else
    assert not [path for path in out.rglob("*") if path.is_symlink() or path.suffix == ".exe"]
    assert (out / "README.md").is_file()
    assert not re.search(r"[^\w.\-]", "".join(path.name for path in out.rglob("*")))


def test_a_tab_stands_between_keyword_and_kind(tmp_path: Path) -> None:
    out = export_package("arduino", tmp_path / "net")

    lines = (out / "keywords.txt").read_text().splitlines()
    words = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"\w+\t(KEYWORD[123]|LITERAL1)", line) for line in words)


@pytest.mark.gcc
def test_the_sketch_passes_on_this_machine(tmp_path: Path) -> None:
    out = export_package("arduino", tmp_path / "net")
    (tmp_path / "Arduino.h").write_text(ARDUINO_H)
    sketch = out / "examples" / "SelfTest" / "SelfTest.ino"
    (tmp_path / "main.cpp").write_text(
        f'#include "Arduino.h"\n{sketch.read_text()}\nint main() {{ setup(); loop(); }}\n'
    )

    run(["gcc", "-std=gnu11", *WARNINGS, "-c", "net/src/net.c", "net/src/net_selftest.c"], tmp_path)
    compiler = ["g++", "-std=gnu++17", *WARNINGS, "-I.", "-Inet/src"]
    run([*compiler, "-o", "app", "main.cpp", "net.o", "net_selftest.o"], tmp_path)

    assert "net: PASS, vectors 2\n" in run([tmp_path / "app"], tmp_path)
