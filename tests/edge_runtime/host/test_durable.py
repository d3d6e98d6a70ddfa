"""A file is replaced whole, and nothing is left beside it."""

from pathlib import Path

import pytest

from edge_runtime.host.durable import replace_file


def test_a_file_is_made_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "known.json"

    replace_file(path, b"old and longer")
    replace_file(path, b"new")

    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "missing" / "known.json", b"")
