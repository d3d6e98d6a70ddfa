"""A detector made by hand: red and green squares of 16 pixels, found by a box filter.

A float ONNX model goes through the whole quantizer, so its bundle is as real as any.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.decoders.specs import CenternetDecoder
from edge_runtime.manifest import ImageInput
from quantize.job import Job
from quantize.pipeline import run_job
from quantize.recipe import Recipe
from tests.onnx_models import node, onnx_bytes

SIDE = 64  # of the model's input
SQUARE = 16
STRIDE = 2
LABELS = ("red", "green")
IMAGE = ImageInput(width=SIDE, height=SIDE, resize="letterbox", std=(255.0,))
DECODER = CenternetDecoder(
    heatmap="heat", sizes="sizes", offsets="offsets", stride=STRIDE, activation="none",
    threshold=0.6,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Square:
    """One square in a frame, in its pixels."""

    label: str
    left: int
    top: int
    side: int


def blob_model() -> bytes:
    """Return the float ONNX model: heat of both colours, constant sizes and offsets."""
    heat = np.zeros((2, 3, SQUARE, SQUARE), np.float32)
    heat[0, 0], heat[0, 1] = 1, -1
    heat[1, 1], heat[1, 0] = 1, -1
    constants = {
        "heat_w": heat / SQUARE**2,
        "none": np.zeros((2, 2, 1, 1), np.float32),
        "size": np.full(2, SQUARE / STRIDE, np.float32),
        "half": np.full(2, SQUARE / STRIDE / 2, np.float32),
    }
    nodes = [
        node("Conv", "x heat_w", "heat", strides=[STRIDE, STRIDE]),
        node("Conv", "heat none size", "sizes"),
        node("Conv", "heat none half", "offsets"),
    ]
    return onnx_bytes(nodes, {"x": [1, 3, SIDE, SIDE]}, constants, ("heat", "sizes", "offsets"))


def blob_bundle(folder: Path) -> Path:
    """Quantize the detector into folder/blobs/1 and return that."""
    work = folder / "blobs-work"
    images = work / "images"
    images.mkdir(parents=True)
    rng = np.random.default_rng(5)
    for number in range(24):
        cv2.imwrite(str(images / f"{number:03}.png"), paint(squares(rng, 3), (SIDE, SIDE)))
    (work / "blobs.onnx").write_bytes(blob_model())
    labels = work / "labels.txt"
    labels.write_text("\n".join(LABELS))
    job = Job(
        model=work / "blobs.onnx", calibrate=images, out=folder, labels=labels,
        recipe=Recipe(widen_few=False),  # its few pictures show all there is: boxes stay exact
        preprocessing=IMAGE, decoder=DECODER, page=False,
    )  # fmt: skip
    return run_job(job, lambda _stage, _done, _total: None).bundle


def squares(
    rng: np.random.Generator, count: int, size: tuple[int, int] = (SIDE, SIDE)
) -> list[Square]:
    """Return squares at random places of an image of (width, height) that do not overlap.

    They are as large as the model expects after its letterbox, on the grid of its stride.
    """
    scale = max(size) // SIDE
    side, step = SQUARE * scale, STRIDE * scale
    found: list[Square] = []
    while len(found) < count:
        left = int(rng.integers(0, (size[0] - side) // step + 1)) * step
        top = int(rng.integers(0, (size[1] - side) // step + 1)) * step
        if all(abs(left - o.left) >= side or abs(top - o.top) >= side for o in found):
            found.append(Square(LABELS[int(rng.integers(2))], left, top, side))
    return found


def paint(found: list[Square], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return a black image (H, W, 3) BGR with the squares in it."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    for square in found:
        colour = (0, 0, 255) if square.label == "red" else (0, 255, 0)
        image[square.top : square.top + square.side, square.left : square.left + square.side] = (
            colour
        )
    return image
