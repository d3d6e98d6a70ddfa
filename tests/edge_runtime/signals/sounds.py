"""Makes .wav files."""

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt


def write_wav(
    path: Path, samples: npt.NDArray[np.integer], *, rate_hz: int = 16_000, sample_bytes: int = 2
) -> Path:
    """Write integers (samples, channels) or (samples,), already in the range of the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    if sample_bytes == 1:
        data = samples.astype(np.uint8).tobytes()
    else:
        wide = samples.astype("<i4").reshape(-1, 1).view(np.uint8)
        data = wide[:, :sample_bytes].tobytes()
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(sample_bytes)
        sound.setframerate(rate_hz)
        sound.writeframes(data)
    return path
