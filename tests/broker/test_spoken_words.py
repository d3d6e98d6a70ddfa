"""Sound through the whole daemon: TFLite Micro's spoken samples, by its model and MLPerf Tiny's."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge_runtime.decoders.specs import ClassificationDecoder
from edge_runtime.signals.inputs import MicroLogMelInput, SignalInput
from firmware_export.model_file import load_model
from tests.broker.daemon import DaemonProcess
from tests.broker.mosquitto import Listener, Mosquitto
from tests.conftest import SHARED
from tests.edge_runtime.bundles import write

pytestmark = [pytest.mark.broker, pytest.mark.tflite, pytest.mark.shared_assets]

SAMPLES = SHARED / "evalsets" / "tflm_smoke"
MICRO_SPEECH = SHARED / "models" / "tflm" / "micro_speech_int8.tflite"
MICRO_LABELS = ("silence", "unknown", "yes", "no")
KEYWORDS = SHARED / "models" / "mlperf_tiny" / "kws_dscnn_float.onnx"
KEYWORD_LABELS = (
    "Down", "Go", "Left", "No", "Off", "On", "Right", "Stop", "Up", "Yes", "Silence", "Unknown",
)  # fmt: skip
KEYWORD_FRONT_END = """
kind = "mfcc"
length = 16000
step = 16000
sample_rate_hz = 16000
level = "peak"
coefficients = 10
frames = { length = 480, step = 320, fft_length = 512 }
mel = { count = 40, low_hz = 20, high_hz = 4000 }
"""
WORDS = ("no", "noise", "silence", "yes")
CONFIG = """
models_dir = "models"
[device]
id = "pi-1"
site = "test"
[mqtt]
host = "127.0.0.1"
port = {port}
[[pipeline]]
name = "words"
model = "words"
engine = "{engine}"
publish = {{ predictions = "all", keep = "all", max_rate_hz = 0 }}
[pipeline.source]
kind = "wav"
path = "sounds"
"""


@pytest.fixture
def daemon(tmp_path: Path, broker: Mosquitto, request: pytest.FixtureRequest) -> DaemonProcess:
    """Return a daemon whose source holds the four sounds, in the order of WORDS."""
    process = DaemonProcess(tmp_path / "daemon", broker.port)
    process.config.write_text(CONFIG.format(port=broker.port, engine="tflite"))
    sounds = tmp_path / "daemon" / "sounds"
    sounds.mkdir()
    for word in WORDS:
        shutil.copy(SAMPLES / f"{word}_1000ms.wav", sounds / f"{word}.wav")
    request.addfinalizer(process.close)  # noqa: PT021  # started by the test
    return process


def _bundle(daemon: DaemonProcess, model: Path, spec: SignalInput, labels: tuple[str, ...]) -> None:
    graph = load_model(model).graph
    decoder = ClassificationDecoder(output=graph.outputs[0])
    folder = daemon.config.parent / "models"
    # The kernels of this processor may be a code off per operation; a softmax magnifies that.
    write(folder, "words", graph, spec, decoder, labels, max_lsb=8)


def _heard(listener: Listener) -> dict[str, str]:
    """Return the best class of each sound, by its file."""
    payloads = [json.loads(hit.payload) for hit in listener.wait_for("/event", 4)]
    samples = [payload for payload in payloads if payload["change"] == "sample"]
    while len(samples) < len(WORDS):
        payloads = [
            json.loads(hit.payload) for hit in listener.wait_for("/event", len(payloads) + 1)
        ]
        samples = [payload for payload in payloads if payload["change"] == "sample"]
    return {payload["label"]: payload["results"][0]["label"] for payload in samples}


def test_micro_speech_hears_the_four_samples(daemon: DaemonProcess, listener: Listener) -> None:
    front_end = MicroLogMelInput(length=16_000, step=16_000)
    _bundle(daemon, MICRO_SPEECH, front_end, MICRO_LABELS)

    daemon.start().wait_ready()

    # Its own test calls the noise "silence", too.
    assert _heard(listener) == {
        "no.wav": "no", "noise.wav": "silence", "silence.wav": "silence", "yes.wav": "yes",
    }  # fmt: skip


def test_a_keyword_model_that_we_quantized_hears_them_through_mfcc(
    daemon: DaemonProcess, listener: Listener
) -> None:
    folder = daemon.config.parent
    (folder / "mfcc.toml").write_text(KEYWORD_FRONT_END)
    (folder / "labels.txt").write_text("\n".join(KEYWORD_LABELS))
    data = SHARED / "evalsets" / "kws01" / "calib.npz"
    command = [sys.executable, "-m", "quantize", "run", str(KEYWORDS), "--calibrate", str(data)]
    command += ["--preprocess", "mfcc.toml", "--labels", "labels.txt", "--no-page"]
    command += ["--name", "words", "--out", "models"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)

    daemon.start().wait_ready()

    assert _heard(listener) == {
        "no.wav": "No", "noise.wav": "Unknown", "silence.wav": "Silence", "yes.wav": "Yes",
    }  # fmt: skip
