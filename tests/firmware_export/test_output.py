from pathlib import Path

import pytest

from firmware_export.errors import OutputError
from firmware_export.output import _swap, check_destination, write_directory
from firmware_export.record import FILE_NAME, encode_record
from tests.firmware_export.records import export_record

OURS = {FILE_NAME: encode_record(export_record(files=["a.c", FILE_NAME])), "a.c": b"1"}


def test_files_and_folders_are_written(tmp_path: Path) -> None:
    write_directory(tmp_path / "deep" / "out", {"a.c": b"1", "k/b.h": b"2"})

    assert (tmp_path / "deep" / "out" / "k" / "b.h").read_bytes() == b"2"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


def test_an_export_of_ours_is_replaced_whole(tmp_path: Path) -> None:
    write_directory(tmp_path / "out", OURS)

    write_directory(tmp_path / "out", {"b.c": b"2"})

    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.c"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_empty_directory_is_taken(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()

    write_directory(tmp_path / "out", {"a.c": b"1"})

    assert (tmp_path / "out" / "a.c").exists()


def test_a_foreign_directory_is_refused_and_left_alone(tmp_path: Path) -> None:
    foreign = tmp_path / "thesis.txt"
    foreign.write_text("mine")

    with pytest.raises(OutputError, match="no export of ours, nothing was written"):
        write_directory(tmp_path, {"a.c": b"1"})

    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_foreign_file_in_an_export_of_ours_is_not_deleted(tmp_path: Path) -> None:
    write_directory(tmp_path / "out", OURS)
    (tmp_path / "out" / "notes.txt").write_text("mine")

    with pytest.raises(OutputError, match=r"holds notes\.txt, which is not ours"):
        check_destination(tmp_path / "out")


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")

    with pytest.raises(OutputError, match="exists and is no directory"):
        check_destination(tmp_path / "out")
    with pytest.raises(OutputError, match="not a directory"):
        check_destination(tmp_path / "out" / "deeper")


def test_a_failure_leaves_the_old_export(tmp_path: Path) -> None:
    write_directory(tmp_path / "out", OURS)

    with pytest.raises(OutputError):
        write_directory(tmp_path / "out", {"a": b"", "a/b": b"a is a file already"})

    assert (tmp_path / "out" / "a.c").read_bytes() == b"1"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_export_of_another_version_is_replaced(tmp_path: Path) -> None:
    older = b'{"schema": "edge.firmware/0", "files": ["a.c", "report.json"]}'
    write_directory(tmp_path / "out", {FILE_NAME: older, "a.c": b"1"})

    write_directory(tmp_path / "out", {"b.c": b"2"})

    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.c"]


def test_a_report_of_another_program_is_foreign(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text('{"schema": "other/1", "files": ["report.json"]}')

    with pytest.raises(OutputError, match="no export of ours"):
        check_destination(tmp_path)


def test_the_old_export_comes_back_where_the_new_one_cannot_be_moved(tmp_path: Path) -> None:
    write_directory(tmp_path / "out", OURS)
    (tmp_path / "staging").mkdir()  # and nothing in it to move

    with pytest.raises(FileNotFoundError):
        _swap(tmp_path / "staging", tmp_path / "out")

    assert (tmp_path / "out" / "a.c").read_bytes() == b"1"


def test_the_root_directory_is_refused() -> None:
    with pytest.raises(OutputError, match="no export of ours"):
        check_destination(Path("/"))


def test_the_empty_current_directory_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    write_directory(Path(), {"a.c": b"1"})

    assert (tmp_path / "here" / "a.c").exists()
