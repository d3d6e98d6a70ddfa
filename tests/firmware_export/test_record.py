import json
from pathlib import Path

import pytest

from firmware_export.errors import ExportDirectoryError
from firmware_export.record import FILE_NAME, encode_record, read_record
from tests.firmware_export.records import export_record


def test_a_record_reads_back(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(encode_record(export_record()))

    assert read_record(tmp_path) == export_record()


def test_a_directory_without_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportDirectoryError, match=r"report\.json: No such file"):
        read_record(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b'{"schema": 1}'])
def test_a_foreign_record_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)

    with pytest.raises(ExportDirectoryError, match="not written by edge-firmware"):
        read_record(tmp_path)


def test_another_schema_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(encode_record(export_record(schema="edge.firmware/9")))

    with pytest.raises(ExportDirectoryError, match=r"'edge\.firmware/9', expected '"):
        read_record(tmp_path)


def test_a_record_holds_what_scripts_rest_on() -> None:
    keys = set(json.loads(encode_record(export_record())))

    assert keys >= {"target", "macs", "flash_bytes", "ram_bytes", "arena_bytes", "stack_bytes"}
    assert "layers" in keys


def test_a_prefix_that_is_a_path_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(encode_record(export_record(prefix="../m")))

    with pytest.raises(ExportDirectoryError, match=r"prefix '\.\./m': expected a C identifier"):
        read_record(tmp_path)
