"""Make weights.npz: mel bands as librosa gives them (pip install librosa; made with 0.11)."""

from pathlib import Path

import librosa
import numpy as np

if __name__ == "__main__":
    slaney = librosa.filters.mel(sr=16_000, n_fft=512, n_mels=40, fmin=20, fmax=4000, dtype=float)
    np.savez_compressed(Path(__file__).parent / "weights.npz", slaney=slaney.T)
