"""A folder as a source."""

from pathlib import Path

import numpy as np
import pytest

from edge_runtime.config.sources import FilesConfig
from edge_runtime.errors import SourceError
from edge_runtime.link import SourceState
from edge_runtime.sources.files import FilesSource
from edge_runtime.sources.protocol import End, Refusal, Shot
from tests.edge_runtime.sources.running import Running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(["b.npy", "a.npy", "c.npy"]):
        np.save(tmp_path / name, np.array([number]))
    (tmp_path / "notes.txt").write_text("left alone", encoding="utf-8")
    (tmp_path / "d.png").mkdir()
    return tmp_path


def opened(config: FilesConfig) -> FilesSource:
    source = FilesSource(config)
    source.open()
    return source


def test_files_come_in_the_order_of_their_names_and_end(folder: Path) -> None:
    source = opened(FilesConfig(path=str(folder)))

    shots = [source.read() for _ in range(3)]

    assert [s.label for s in shots if isinstance(s, Shot)] == ["a.npy", "b.npy", "c.npy"]
    assert [s.due_s for s in shots if isinstance(s, Shot)] == [None] * 3
    assert source.read() == End()
    assert source.is_lossless


def test_a_loop_goes_on_and_its_time_with_it(folder: Path) -> None:
    source = opened(FilesConfig(path=str(folder), fps=4.0, loop=True))

    shots = [source.read() for _ in range(5)]

    assert [s.label for s in shots if isinstance(s, Shot)][3:] == ["a.npy", "b.npy"]
    assert [s.due_s for s in shots if isinstance(s, Shot)] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert not source.is_lossless
    assert source.rate_hz == 4.0


def test_a_damaged_file_is_refused_and_the_next_one_comes(folder: Path) -> None:
    (folder / "a.npy").write_bytes(b"x")
    source = opened(FilesConfig(path=str(folder)))

    assert isinstance(source.read(), Refusal)
    assert isinstance(source.read(), Shot)


def test_opening_again_goes_on_where_it_stopped(folder: Path) -> None:
    source = opened(FilesConfig(path=str(folder)))
    source.read()
    source.close()
    source.open()

    second = source.read()

    assert isinstance(second, Shot)
    assert second.label == "b.npy"


def test_a_folder_that_is_missing_or_empty_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        opened(FilesConfig(path=str(tmp_path / "absent")))
    with pytest.raises(SourceError, match=r"no file ends in \.bmp"):
        opened(FilesConfig(path=str(tmp_path)))


def test_every_file_is_accounted_for(folder: Path) -> None:
    (folder / "a.npy").write_bytes(b"x")

    with Running(FilesSource(FilesConfig(path=str(folder)))) as running:
        running.wait_for(SourceState.FINISHED)
        counters = running.settled()

    assert (counters.captured, counters.inferred, counters.dropped["invalid"]) == (3, 2, 1)
