"""Make features.npz: what TFLite Micro's own operators give for our signals.

    pip install tflite-micro
    python tests/golden/micro_frontend/make_features.py audio_preprocessor_float.tflite

The model is that of tensorflow/tflite-micro, tensorflow/lite/micro/examples/micro_speech/models
(commit 90b983c2b3f1480642e040bbd2ddb37b998f3424); its output is the int16 feature / 25.6.
"""

import sys
from pathlib import Path

import numpy as np
from tflite_micro.python.tflite_micro import runtime

LENGTH, STEP, SAMPLES = 480, 320, 4000
HERE = Path(__file__).parent


def signals() -> dict[str, np.ndarray]:
    """Return int16 signals (SAMPLES,): loud, faint, silent, noisy and tonal ones."""
    rng = np.random.default_rng(7)
    time_s = np.arange(SAMPLES) / 16_000
    tone = np.sin(2 * np.pi * (200 + 8000 * time_s) * time_s)
    return {
        "chirp": np.rint(12_000 * tone).astype(np.int16),
        "rising_noise": np.rint(
            3000 * rng.standard_normal(SAMPLES) * np.linspace(0, 1, SAMPLES)
        ).astype(np.int16),
        "full_scale": rng.integers(-32_767, 32_768, SAMPLES).astype(np.int16),
        "faint": rng.integers(-2, 3, SAMPLES).astype(np.int16),
        "bursts": (20_000 * np.sign(tone) * (np.arange(SAMPLES) // 800 % 2)).astype(np.int16),
    }


def features(pcm: np.ndarray, model: bytes) -> np.ndarray:
    """Return the int16 features of a signal, (frames, 40)."""
    interpreter = runtime.Interpreter.from_bytes(model)
    rows = []
    for start in range(0, len(pcm) - LENGTH + 1, STEP):
        interpreter.set_input(pcm[np.newaxis, start : start + LENGTH], 0)
        interpreter.invoke()
        rows.append(np.rint(np.asarray(interpreter.get_output(0)) * 25.6))
    return np.array(rows, np.int16)


if __name__ == "__main__":
    loaded = Path(sys.argv[1]).read_bytes()
    made = signals()
    arrays = {f"{name}_pcm": pcm for name, pcm in made.items()}
    arrays |= {f"{name}_features": features(pcm, loaded) for name, pcm in made.items()}
    np.savez_compressed(HERE / "features.npz", **arrays)
