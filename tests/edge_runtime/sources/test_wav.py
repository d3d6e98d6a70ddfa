"""WAV files, written by the standard library."""

import wave
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.config.sensors import WavConfig
from edge_runtime.errors import SourceError
from edge_runtime.link import SourceState
from edge_runtime.sources import wav as wav_module
from edge_runtime.sources.protocol import End, Reading, Refusal, Shot
from edge_runtime.sources.rows import WindowShape
from edge_runtime.sources.wav import WavSource
from tests.edge_runtime.sources.running import Running

RATE_HZ = 8000
SHAPE = WindowShape(("sound",), length=400, step=200)


def write(path: Path, samples: int, *, rate_hz: int = RATE_HZ, channels: int = 1) -> np.ndarray:
    values = np.arange(samples * channels, dtype=np.int16).reshape(-1, channels)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(values.tobytes())
    return values


def source(path: Path, shape: WindowShape = SHAPE, **keys: object) -> WavSource:
    made = WavSource(WavConfig(path=str(path), rate_hz=RATE_HZ, **keys), shape)
    made.open()
    return made


def play(made: WavSource) -> list[Reading]:
    readings: list[Reading] = []
    while not readings or not isinstance(readings[-1], End):
        readings.append(made.read())
    return readings


def test_every_window_of_every_file_is_accounted_for(tmp_path: Path) -> None:
    for number, samples in enumerate((400, 1000, 399, 8001)):
        write(tmp_path / f"{number}.wav", samples)
    (tmp_path / "notes.txt").write_text("not a sound")

    with Running(source(tmp_path)) as running:
        running.wait_for(SourceState.FINISHED)
        counters = running.settled()

    assert counters.inferred == 1 + 4 + 0 + 39
    assert counters.dropped["invalid"] == 1  # the one that is shorter than a window
    assert [frame.label for frame in running.frames[:2]] == ["0.wav", "1.wav"]


def test_the_samples_are_those_of_the_file(tmp_path: Path) -> None:
    values = write(tmp_path / "a.wav", 700, channels=2)

    shots = play(source(tmp_path / "a.wav", channel=1))[:-1]

    for index, shot in enumerate(shots):
        assert isinstance(shot, Shot)
        expected = values[200 * index : 200 * index + 400, 1:] / np.float32(32768)
        assert np.array_equal(shot.values, expected)


def test_several_columns_take_several_channels(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", 400, channels=3)

    shot = source(tmp_path, WindowShape(("l", "r"), 400, 400), channel=1).read()

    assert isinstance(shot, Shot)
    assert (shot.values[0] * 32768).tolist() == [1, 2]


def test_a_live_file_is_due_when_its_samples_are(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", 800)
    write(tmp_path / "b.wav", 400)

    made = source(tmp_path, live=True)
    due = [reading.due_s for reading in play(made) if isinstance(reading, Shot)]

    assert due == [0.05, 0.075, 0.1, 0.15]
    assert made.rate_hz == 40.0
    assert made.is_lossless
    assert not WavSource(WavConfig(path="x", live=True, loop=True), SHAPE).is_lossless
    assert WavSource(WavConfig(path="x"), SHAPE).rate_hz is None


def test_a_loop_begins_again(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", 400)
    write(tmp_path / "b.wav", 400)
    made = source(tmp_path, loop=True)

    labels = [reading.label for _ in range(5) if isinstance(reading := made.read(), Shot)]

    assert labels == ["a.wav", "b.wav", "a.wav", "b.wav", "a.wav"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"rate_hz": 44_100}, "44100 samples a second, the model takes 8000"),
        ({"channels": 1, "wanted": 3}, "1 channels, channel 3 is wanted"),
        (b"RIFF\x24\x00\x00\x00WAVE", "not a PCM WAV file"),
        (b"", "not a PCM WAV file"),
    ],
)
def test_a_file_that_does_not_suit_is_refused(
    tmp_path: Path, data: dict[str, int] | bytes, message: str
) -> None:
    path, channel = tmp_path / "a.wav", 0
    if isinstance(data, bytes):
        path.write_bytes(data)
    else:
        channel = data.pop("wanted", 0)
        write(path, 400, **data)

    reading = source(tmp_path, channel=channel).read()

    assert isinstance(reading, Refusal)
    assert message in reading.why
    assert reading.why.startswith("a.wav: ")


def test_a_file_that_is_too_large_or_cannot_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.wav", 400)
    (tmp_path / "b.wav").symlink_to(tmp_path / "absent")
    monkeypatch.setattr(wav_module, "MAX_FILE_BYTES", 500)
    made = source(tmp_path)

    assert made.read() == Refusal("a.wav: larger than 500 bytes")
    assert made.read() == Refusal("b.wav: No such file or directory")


def test_a_loop_without_a_window_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", 10)
    made = source(tmp_path, loop=True)
    made.read()

    with pytest.raises(SourceError, match="no file holds a window"):
        made.read()


def test_a_place_without_sound_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no \.wav file"):
        source(tmp_path)
    with pytest.raises(SourceError, match=r"no \.wav file"):
        source(tmp_path / "absent.wav")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SourceError, match=r"no \.wav file"):
        source(tmp_path / "file")


def test_reopening_goes_on_with_the_next_file(tmp_path: Path) -> None:
    for name in "ab":
        write(tmp_path / f"{name}.wav", 800)
    made = source(tmp_path)
    made.read()
    made.close()
    made.open()
    made.read()
    made.read()

    shot = made.read()

    assert isinstance(shot, Shot)
