"""Optional libraries: what is missing is named, and what brings it."""

from pathlib import Path

import pytest

from edge_runtime.errors import SourceError
from edge_runtime.sources.extras import SYSTEM_PACKAGES, needed


def test_a_library_that_is_missing_names_its_extra() -> None:
    with pytest.raises(SourceError, match=r"no_such_library is not installed: .*\[audio\]"):
        needed("no_such_library", "audio")


def test_a_library_whose_c_library_is_missing_names_the_system_s_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wrapper_of_nothing.py").write_text("import ctypes; ctypes.CDLL('libnothing.so.9')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(SYSTEM_PACKAGES, "wrapper_of_nothing", "libnothing9")

    with pytest.raises(SourceError, match=r"cannot be loaded \(libnothing.*apt-get install libnot"):
        needed("wrapper_of_nothing", "audio")
