"""A video file as a source."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_runtime.config.sources import VideoConfig
from edge_runtime.errors import SourceError
from edge_runtime.link import SourceState
from edge_runtime.sources.protocol import End, Shot
from edge_runtime.sources.video import VideoSource
from tests.edge_runtime.sources.running import Running


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20.0, (32, 16))
    for level in (0, 120, 240):
        writer.write(np.full((16, 32, 3), level, np.uint8))
    writer.release()
    return path


def opened(config: VideoConfig) -> VideoSource:
    source = VideoSource(config)
    source.open()
    return source


def test_frames_come_at_the_files_own_rate_and_end(video: Path) -> None:
    source = opened(VideoConfig(path=str(video)))

    shots = [shot for shot in (source.read() for _ in range(3)) if isinstance(shot, Shot)]

    assert [shot.due_s for shot in shots] == [0.0, 0.05, 0.1]
    assert [
        abs(int(shot.values[8, 16, 0]) - level) <= 4
        for shot, level in zip(shots, (0, 120, 240), strict=True)
    ] == [True] * 3
    assert shots[0].values.shape == (16, 32, 3)
    assert source.read() == End()
    assert source.rate_hz == 20.0
    assert not source.is_lossless
    source.close()


def test_a_loop_starts_again_and_its_time_goes_on(video: Path) -> None:
    source = opened(VideoConfig(path=str(video), fps=10, loop=True))

    shots = [shot for shot in (source.read() for _ in range(5)) if isinstance(shot, Shot)]

    assert [shot.due_s for shot in shots] == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert shots[3].values[8, 16, 0] <= 4
    source.close()


def test_rate_zero_means_every_frame_as_fast_as_the_model(video: Path) -> None:
    source = opened(VideoConfig(path=str(video), fps=0))

    shot = source.read()

    assert isinstance(shot, Shot)
    assert shot.due_s is None
    assert source.is_lossless
    source.close()


def test_what_is_no_video_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        opened(VideoConfig(path=str(tmp_path / "absent.mp4")))
    (tmp_path / "a.mp4").write_bytes(b"not a video at all")
    with pytest.raises(SourceError, match="not a video that OpenCV reads"):
        opened(VideoConfig(path=str(tmp_path / "a.mp4")))


@pytest.mark.parametrize(("suffix", "code"), [("mp4", "mp4v"), ("avi", "MJPG")])
def test_every_frame_of_a_video_that_ffmpeg_made_is_accounted_for(
    tmp_path: Path, suffix: str, code: str
) -> None:
    path = tmp_path / f"a.{suffix}"
    writer = cv2.VideoWriter(
        str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*code), 25.0, (64, 48)
    )
    for level in range(60):
        writer.write(np.full((48, 64, 3), 4 * level, np.uint8))
    writer.release()

    with Running(VideoSource(VideoConfig(path=str(path), fps=0))) as running:
        running.wait_for(SourceState.FINISHED)
        counters = running.settled()

    assert counters.inferred == 60
    greys = [float(values.mean()) for values in running.values]
    assert np.abs(np.array(greys) - 4 * np.arange(60)).max() < 4
