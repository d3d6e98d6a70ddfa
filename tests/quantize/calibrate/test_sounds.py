"""Folders of .wav files as data."""

from pathlib import Path

import numpy as np
import pytest

from edge_runtime.manifest import Preprocessing, TensorInput
from edge_runtime.preprocess import to_tensor
from edge_runtime.signals.inputs import Frames, MelBands, MfccInput, WindowInput
from edge_runtime.signals.wav_file import read_wav
from quantize.calibrate.dataset import Dataset, ModelInput
from quantize.calibrate.open_data import DataSettings, open_data
from quantize.errors import DataError
from tests.edge_runtime.signals.sounds import write_wav

MFCC = MfccInput(
    length=1600, step=800, sample_rate_hz=16_000,
    frames=Frames(length=480, step=320, fft_length=512),
    mel=MelBands(count=20, low_hz=20.0, high_hz=4000.0), coefficients=5,
)  # fmt: skip
INPUT = ModelInput("x", (1, 4, 5, 1))


def _open(folder: Path, spec: Preprocessing = MFCC, shape: ModelInput = INPUT) -> Dataset:
    return open_data(folder, [shape], DataSettings(spec))


def _sound(path: Path, samples: int, rate_hz: int = 16_000) -> Path:
    codes = np.random.default_rng(samples).integers(-9000, 9000, samples)
    return write_wav(path, codes, rate_hz=rate_hz)


def test_every_window_of_a_file_is_a_sample_of_its_class(tmp_path: Path) -> None:
    _sound(tmp_path / "yes" / "a.wav", 1600 + 2 * 800 + 5)
    _sound(tmp_path / "no" / "b.wav", 1600)

    data = _open(tmp_path)
    batches = [batch["x"] for batch in data.read(2)]

    assert data.samples == 4
    assert data.class_names == ("no", "yes")
    assert data.labels is not None
    assert data.labels.tolist() == [0, 1, 1, 1]
    assert data.files == ("no/b.wav", *["yes/a.wav"] * 3)
    assert [len(batch) for batch in batches] == [2, 2]
    sound, _ = read_wav(tmp_path / "yes" / "a.wav")
    expected = to_tensor(sound[800:2400], MFCC, INPUT.shape)
    np.testing.assert_array_equal(batches[1][0], expected[0])


def test_a_short_file_is_filled_up_with_silence(tmp_path: Path) -> None:
    path = _sound(tmp_path / "a.wav", 900)

    (batch,) = _open(tmp_path).read(8)

    sound, _ = read_wav(path)
    filled = np.concatenate([sound, np.zeros((700, 1), np.float32)])
    np.testing.assert_array_equal(batch["x"], to_tensor(filled, MFCC, INPUT.shape))


def test_a_plain_window_takes_any_rate(tmp_path: Path) -> None:
    _sound(tmp_path / "a.wav", 64, rate_hz=999)
    spec = WindowInput(columns=("v",), length=32, step=32)

    assert _open(tmp_path, spec, ModelInput("x", (1, 32))).samples == 2


def test_another_rate_is_refused_by_name(tmp_path: Path) -> None:
    _sound(tmp_path / "a.wav", 1600, rate_hz=8000)

    with pytest.raises(DataError, match=r"a\.wav: 8000 Hz, the model takes 16000"):
        _open(tmp_path)


def test_other_channels_are_refused_by_name(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", np.zeros((1600, 2), np.int64))

    with pytest.raises(DataError, match=r"a\.wav: 2 channels, the model takes 1"):
        _open(tmp_path)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF")

    with pytest.raises(DataError, match=r"a\.wav: no PCM WAVE file"):
        _open(tmp_path)


def test_sounds_are_refused_without_preprocessing(tmp_path: Path) -> None:
    _sound(tmp_path / "a.wav", 1600)

    with pytest.raises(DataError, match="sounds need --preprocess"):
        _open(tmp_path, TensorInput())
