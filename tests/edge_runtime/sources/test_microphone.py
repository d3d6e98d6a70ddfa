"""A microphone by the real PortAudio and ALSA, whose device is a file: no sound card is needed."""

import sys
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.config.sensors import MicrophoneConfig
from edge_runtime.errors import SourceError
from edge_runtime.link import SourceState
from edge_runtime.sources.microphone import MicrophoneSource
from edge_runtime.sources.protocol import Quiet, Reading, Refusal
from edge_runtime.sources.rows import WindowShape
from tests.edge_runtime.sources.running import Running

pytestmark = pytest.mark.portaudio
SHAPE = WindowShape(("sound",), length=1000, step=1000)
ALSA = """
pcm.!default {{ type plug slave.pcm "microphone" }}
pcm.microphone {{
  type file
  slave.pcm null
  file /dev/null
  infile "{path}"
  format raw
}}
pcm.null {{ type null }}
"""


@pytest.fixture
def sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Raw 16-bit samples that ALSA's device `microphone` delivers."""
    path, config = tmp_path / "in.raw", tmp_path / "asound.conf"
    config.write_text(ALSA.format(path=path), encoding="ascii")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(config))
    (np.arange(2_000_000) % 30_000).astype("<i2").tofile(path)
    return path


def source(**keys: object) -> MicrophoneSource:
    return MicrophoneSource(MicrophoneConfig(device="microphone", **keys), SHAPE)


def test_every_sample_is_accounted_for(sound: Path) -> None:
    with Running(source(frozen_after=0)) as running:
        running.wait_frames(1)
        running.wait(lambda: running.counters().captured >= 12, "12 windows")
    first = running.values[0][:, 0] * 32768

    assert set(np.diff(first).tolist()) <= {1, -29_999}
    assert int(first[0]) % 1000 == 0  # windows follow each other without a gap
    assert running.states == [SourceState.ONLINE]


def test_s4_a_dead_microphone_is_frozen(sound: Path) -> None:
    np.zeros(12_000, "<i2").tofile(sound)

    with Running(source(frozen_after=5)) as running:
        running.wait_for(SourceState.FROZEN)
        counters = running.counters()

    assert counters.dropped["frozen"] >= 1
    assert "the same frame 5 times" in next(c.why for c in running.told if c.state == "frozen")


def test_s1_a_microphone_that_is_not_there_is_said(sound: Path) -> None:
    absent = MicrophoneSource(MicrophoneConfig(device="absent"), SHAPE)

    with pytest.raises(SourceError, match="microphone absent: No input device matching 'absent'"):
        absent.open()
    with pytest.raises(SourceError, match="microphone 200: Error querying device 200"):
        MicrophoneSource(MicrophoneConfig(device=200), SHAPE).open()
    assert MicrophoneSource(MicrophoneConfig(), SHAPE)._place() == "(default)"


def test_the_rate_is_that_of_blocks() -> None:
    assert source().rate_hz == 20.0


def test_without_sounddevice_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)

    with pytest.raises(SourceError, match=r"pip install 'edge-runtime\[audio\]'"):
        source().open()


class Stream:
    """PortAudio's stream, in the moments that a file never has."""

    def __init__(self, *, available: int = 800, overflowed: bool = False) -> None:
        self.read_available = available
        self.overflowed = overflowed

    def read(self, rows: int) -> tuple[np.ndarray, bool]:
        if self.read_available > 800:
            raise OSError("Device unavailable")
        return np.zeros((rows, 1), np.int16), self.overflowed

    def close(self) -> None:
        pass


def reading(stream: Stream) -> Reading:
    made = source()
    made._stream, made._errors = stream, OSError
    return made.read()


def test_no_sound_for_a_moment_is_quiet() -> None:
    assert isinstance(reading(Stream(available=0)), Quiet)


def test_sound_that_was_read_too_late_is_refused() -> None:
    assert reading(Stream(overflowed=True)) == Refusal("sound was lost: it was read too late")


def test_s1_a_microphone_that_is_pulled_out_is_lost() -> None:
    with pytest.raises(SourceError, match="microphone microphone: Device unavailable"):
        reading(Stream(available=801))
