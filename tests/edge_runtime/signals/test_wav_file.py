"""Sound files."""

from pathlib import Path

import numpy as np
import pytest

from edge_runtime.errors import FrameError
from edge_runtime.signals.wav_file import read_wav, read_wav_format
from tests.edge_runtime.signals.sounds import write_wav


@pytest.mark.parametrize(
    ("sample_bytes", "codes"),
    [
        (1, [0, 128, 192]),
        (2, [-(2**15), 0, 2**14]),
        (3, [-(2**23), 0, 2**22]),
        (4, [-(2**31), 0, 2**30]),
    ],
)
def test_every_width_is_a_number_below_one(
    tmp_path: Path, sample_bytes: int, codes: list[int]
) -> None:
    path = write_wav(tmp_path / "a.wav", np.array(codes), rate_hz=8000, sample_bytes=sample_bytes)

    samples, form = read_wav(path)

    assert samples[:, 0].tolist() == [-1.0, 0.0, 0.5]
    assert samples.dtype == np.float32
    assert (form.sample_rate_hz, form.channels, form.samples) == (8000, 1, 3)


def test_channels_lie_side_by_side(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", np.array([[16_384, 0], [0, -16_384]]))

    samples, _ = read_wav(path)

    assert samples.tolist() == [[0.5, 0.0], [0.0, -0.5]]


def test_a_file_that_was_cut_off_gives_its_whole_samples(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", np.arange(8).reshape(4, 2))
    path.write_bytes(path.read_bytes()[:-3])

    samples, _ = read_wav(path)

    assert samples.shape == (3, 2)


@pytest.mark.parametrize("data", [b"", b"RIFF", b"not a sound at all, but long enough to read"])
def test_what_is_no_sound_is_named(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(data)

    with pytest.raises(FrameError, match=r"a\.wav: no PCM WAVE file"):
        read_wav_format(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FrameError, match=r"gone\.wav: no PCM WAVE file \(.*No such file"):
        read_wav(tmp_path / "gone.wav")


def test_samples_of_eight_bytes_are_refused(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", np.arange(8))
    data = bytearray(path.read_bytes())
    data[34:36] = (64).to_bytes(2, "little")  # bits a sample
    path.write_bytes(data)

    with pytest.raises(FrameError, match="8 bytes a sample, allowed are 1 to 4"):
        read_wav(path)
