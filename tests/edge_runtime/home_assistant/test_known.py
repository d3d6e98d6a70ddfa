"""The file of what Home Assistant may know: it survives, and its loss harms nothing else."""

from pathlib import Path

import pytest

from edge_runtime.home_assistant.known import Known, read_known, write_known

KNOWN = Known("porch-pi", {"door_class": "sensor", "belt_anomaly": "binary_sensor"})


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_known(tmp_path / "k.json", KNOWN)

    assert read_known(tmp_path / "k.json") == KNOWN
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["k.json"]


def test_nothing_is_known_where_nothing_was_said(tmp_path: Path) -> None:
    assert read_known(tmp_path / "k.json") is None


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b'{"\xb8":1}', b'{"device":"a/b","platforms":{}}',
        b'{"device":"a","platforms":{"x":"light"}}',
    ],
)  # fmt: skip
def test_a_spoiled_file_is_told_and_forgotten(
    tmp_path: Path, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "k.json").write_bytes(data)

    assert read_known(tmp_path / "k.json") is None
    assert "k.json" in caplog.text


def test_forgetting_deletes_the_file_and_may_be_repeated(tmp_path: Path) -> None:
    write_known(tmp_path / "k.json", KNOWN)

    write_known(tmp_path / "k.json", None)
    write_known(tmp_path / "k.json", None)

    assert read_known(tmp_path / "k.json") is None


def test_a_directory_that_cannot_be_written_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_known(tmp_path / "absent" / "k.json", KNOWN)

    assert "may stay in Home Assistant" in caplog.text
