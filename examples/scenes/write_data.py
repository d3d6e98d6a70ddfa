"""Write calibration and evaluation data of the vision examples as .npz files.

python -m examples.scenes.write_data DIRECTORY

digits_calib.npz   200 coloured digits to calibrate with, of the handwriting that was trained on
digits_eval.npz    2,000 of held-out handwriting, with labels
shapes_calib.npz   100 frames with shapes
shapes_eval.npz    300 others; boxes and classes are those of `examples.detector.score`
"""

import sys
from pathlib import Path

import numpy as np

from examples.detector.score import evaluation_frames
from examples.scenes import coloured_digits, shapes

CALIBRATION_SEED, EVALUATION_SEED = 4, 2
CALIBRATED_DIGITS, EVALUATED_DIGITS = 200, 2000
CALIBRATED_FRAMES = 100


def main() -> None:
    """Write the four files."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write_digits(folder)
    write_shapes(folder)


def write_digits(folder: Path) -> None:
    """Write the data of both classifiers."""
    written, held_out = coloured_digits.handwriting()
    parts = {
        "calib": coloured_digits.pictures(written, CALIBRATED_DIGITS, CALIBRATION_SEED),
        "eval": coloured_digits.pictures(held_out, EVALUATED_DIGITS, EVALUATION_SEED),
    }
    for name, (pixels, labels) in parts.items():
        np.savez(folder / f"digits_{name}.npz", x=coloured_digits.as_input(pixels), y=labels)


def write_shapes(folder: Path) -> None:
    """Write the data of the detector."""
    seen = shapes.frames(CALIBRATED_FRAMES, CALIBRATION_SEED)
    for name, frames in (("calib", seen), ("eval", evaluation_frames())):
        pixels = np.stack([frame.pixels for frame in frames])
        np.savez(folder / f"shapes_{name}.npz", x=shapes.as_input(pixels))


if __name__ == "__main__":
    main()
